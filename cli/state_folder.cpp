#include "cli/state_folder.hpp"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

namespace barter::cli {

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
  if (state != nullptr && *state == '/') return std::string(state) + "/barter";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::string(home) + "/.local/state/barter";
  return Error{Errc::not_found, "no folder for state: set HOME or give --state-dir"};
}

}  // namespace barter::cli
