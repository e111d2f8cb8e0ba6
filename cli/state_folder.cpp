#include "cli/state_folder.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "cli/output.hpp"

namespace barter::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* last_resort = "/var/tmp";  // kept over restarts, mostly

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

// Of a variable, an absolute path; a relative one counts as none, as the XDG specification says.
std::optional<std::string> absolute_path(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value != '/') return std::nullopt;
  return std::string(value);
}

// Can the folder be used, or made? A home that is not there, or not ours (as those of the system's
// users, and / in containers), is none.
bool can_be_made(fs::path path) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return fs::is_directory(path, error) && access(path.c_str(), W_OK | X_OK) == 0;
}

// Others may write into the folder above: what lies there must be ours, and no link.
bool is_private(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == geteuid() && (status.st_mode & 077) == 0;
}

// Without a home. `make`: else it is there, or none.
std::optional<std::string> private_folder(bool make) {
  const auto usable = [&](const std::string& path) {
    return (make && mkdir(path.c_str(), 0700) == 0) || is_private(path);
  };
  const auto runtime = absolute_path("XDG_RUNTIME_DIR");
  if (runtime && usable(*runtime + "/barter")) return *runtime + "/barter";
  const std::string fixed = fmt::format("{}/barter-{}", last_resort, geteuid());
  if (usable(fixed)) return fixed;
  if (!make) return std::nullopt;
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  if (error) return std::nullopt;
  std::string made = (temporary / "barter-XXXXXX").string();
  if (mkdtemp(made.data()) == nullptr) return std::nullopt;
  return made;
}

}  // namespace

Result<std::string> state_folder(const std::string& given, Output* output) {
  if (!given.empty()) {
    std::error_code error;
    const auto path = fs::absolute(given, error);
    if (error)
      return Error{Errc::io_error, fmt::format("--state-dir {}: {}", given, error.message())};
    return path.string();
  }
  if (auto systemd = absolute_path("STATE_DIRECTORY")) {
    return systemd->substr(0, systemd->find(':'));  // of several the first
  }
  if (const auto state = absolute_path("XDG_STATE_HOME")) {
    return closed_to_others(*state + "/barter");
  }
  const auto home = absolute_path("HOME");
  if (home && can_be_made(*home + "/.local/state/barter")) {
    return closed_to_others(*home + "/.local/state/barter");
  }
  const auto found = private_folder(output != nullptr);
  if (!found) {
    return Error{Errc::not_found, "no folder for state: set HOME or give --state-dir"};
  }
  if (output != nullptr) {
    output->warning(fmt::format(
        "no home ({}): what must be known for the next time is kept in {}, which the system may "
        "empty; then files are hashed again, blocks of pieces that were not complete are fetched "
        "again, and shares get other URLs. --state-dir or STATE_DIRECTORY names a place that stays",
        home ? fmt::format("HOME is {}, which cannot be written", *home) : "HOME is not set",
        *found));
  }
  return *found;
}

std::string state_folder_if_any(const std::string& given) {
  auto folder = state_folder(given);
  return folder ? std::move(*folder) : std::string();
}

}  // namespace barter::cli
