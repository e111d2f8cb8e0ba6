#include "cli/on_complete.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spawn.h>
#include <cerrno>
#include <csignal>
#include <cstring>

extern char** environ;

namespace barter::cli {

Result<void> OnComplete::start(const std::string& argument) {
  // exec gives our handlers back their defaults, but ignored signals would stay ignored.
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  sigaddset(&defaults, SIGXFSZ);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  std::string program = program_, path = argument;
  char* arguments[] = {program.data(), path.data(), nullptr};
  const int failed =
      posix_spawnp(&child_, program_.c_str(), &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed == 0) return {};
  child_ = 0;
  return Error{failed == ENOENT ? Errc::not_found : Errc::io_error,
               fmt::format("--on-complete {}: {}", program_, std::strerror(failed))};
}

std::optional<Result<void>> OnComplete::ended() {
  int status = 0;
  const pid_t done = waitpid(child_, &status, WNOHANG);
  if (done == 0 || (done < 0 && errno == EINTR)) return std::nullopt;
  child_ = 0;
  if (done > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return Result<void>();
  const std::string how = done > 0 && WIFSIGNALED(status)
                              ? fmt::format("ended by signal {}", WTERMSIG(status))
                              : fmt::format("failed with exit code {}", WEXITSTATUS(status));
  return Result<void>(Error{Errc::rejected, fmt::format("--on-complete {}: {}", program_, how)});
}

}  // namespace barter::cli
