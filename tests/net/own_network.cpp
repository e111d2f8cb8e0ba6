#include "own_network.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace barter::testing {

namespace {

constexpr char not_possible = '-', came_back = '+';  // the first byte of what the child says

ifreq interface(const char* name) {
  ifreq out{};
  std::strcpy(out.ifr_name, name);
  return out;
}

bool bring_up(const std::string& address) {
  const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback = interface("lo");
  bool done = ::ioctl(any, SIOCGIFFLAGS, &loopback) == 0;
  loopback.ifr_flags |= IFF_UP;
  done = done && ::ioctl(any, SIOCSIFFLAGS, &loopback) == 0;
  if (!address.empty()) {
    ifreq more = interface("lo:1");
    auto& in = reinterpret_cast<sockaddr_in&>(more.ifr_addr);
    in.sin_family = AF_INET;
    done = done && ::inet_pton(AF_INET, address.c_str(), &in.sin_addr) == 1 &&
           ::ioctl(any, SIOCSIFADDR, &more) == 0;
  }
  ::close(any);
  return done;
}

bool write_text(const char* path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

bool put_hosts(const std::string& hosts) {
  if (hosts.empty()) return true;
  std::string path = "/tmp/barter-hosts-XXXXXX";
  const int file = ::mkstemp(path.data());
  if (file < 0) return false;
  ::close(file);
  const bool done = write_text(path.c_str(), hosts) &&
                    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                    ::mount(path.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) == 0;
  ::unlink(path.c_str());
  return done;
}

bool enter(const std::string& address, const std::string& hosts) {
  const std::string user = "0 " + std::to_string(::getuid()) + " 1";
  const std::string group = "0 " + std::to_string(::getgid()) + " 1";
  return ::unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) == 0 &&
         write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", user) &&
         write_text("/proc/self/gid_map", group) && bring_up(address) && put_hosts(hosts);
}

std::string said_by_child(const std::string& address, const std::string& hosts,
                          const std::function<std::string()>& work) {
  if (!enter(address, hosts)) return {not_possible};
  try {
    return came_back + work();
  } catch (...) {
    return std::string{came_back} + "an exception";
  }
}

}  // namespace

std::optional<std::string> in_own_network(const std::string& address, const std::string& hosts,
                                          const std::function<std::string()>& work) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string text = said_by_child(address, hosts, work);
    const auto written = ::write(ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char byte = 0;
  while (::read(ends[0], &byte, 1) == 1) text += byte;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (text == std::string{not_possible}) {
    WARN("no network of its own for a test here: not tested");
    return std::nullopt;
  }
  return text.empty() ? "it crashed" : text.substr(1);
}

}  // namespace barter::testing
