#include "chunkstore/lock_holder.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace barter {

std::string lock_holder(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) < 0) return {};
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    int process = 0;
    unsigned major_number = 0;
    unsigned minor_number = 0;
    unsigned long long inode = 0;
    // "1: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF"; those that wait have an arrow before.
    if (std::sscanf(line.c_str(), "%*d: FLOCK %*s %*s %d %x:%x:%llu", &process, &major_number,
                    &minor_number, &inode) != 4) {
      continue;
    }
    if (inode != status.st_ino || major_number != ::major(status.st_dev) ||
        minor_number != ::minor(status.st_dev) || process <= 0) {
      continue;
    }
    if (process == ::getpid()) return "this program";
    std::ifstream about("/proc/" + std::to_string(process) + "/comm");
    std::string name;
    std::getline(about, name);
    return (name.empty() ? "" : name + ", ") + "process " + std::to_string(process);
  }
  return {};
}

}  // namespace barter
