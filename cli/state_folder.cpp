#include "cli/state_folder.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace barter::cli {
namespace {

// Versions before made it as any folder. One that the user names may be in use for other things,
// such as the downloads themselves: its permissions are theirs.
std::string closed_to_others(std::string path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && status.st_uid == geteuid() &&
      (status.st_mode & 077) != 0) {
    [[maybe_unused]] const int ignored = chmod(path.c_str(), 0700);
  }
  return path;
}

}  // namespace

Result<std::string> state_folder(const std::string& given) {
  if (!given.empty()) {
    std::error_code error;
    const auto path = std::filesystem::absolute(given, error);
    if (error)
      return Error{Errc::io_error, fmt::format("--state-dir {}: {}", given, error.message())};
    return path.string();
  }
  // The specification: a relative path counts as none.
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return closed_to_others(std::string(state) + "/barter");
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') {
    return closed_to_others(std::string(home) + "/.local/state/barter");
  }
  return Error{Errc::not_found, "no folder for state: set HOME or give --state-dir"};
}

std::string state_folder_if_any(const std::string& given) {
  auto folder = state_folder(given);
  return folder ? std::move(*folder) : std::string();
}

}  // namespace barter::cli
