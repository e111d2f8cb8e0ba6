#include "cli/on_complete.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "cli/descriptor_limit.hpp"

namespace barter::cli {

namespace {

// In the child, between fork() and exec(): calls of the system only, since other threads held
// whatever they held at the fork. What has gone wrong, as an errno, goes to `report`, which closes
// by itself when the program runs.
//
// Our own descriptors are close-on-exec from their birth. Those that the user's shell gave us (a
// lock, a log) are passed on, as any program passes them on.
[[noreturn]] void run(const char* program, char* const* arguments, int report) {
  // exec gives our handlers back their defaults, but what we ignore would stay ignored.
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  if (::sigaction(SIGPIPE, &defaults, nullptr) == 0 &&
      ::sigaction(SIGXFSZ, &defaults, nullptr) == 0 && ::dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 &&
      restore_descriptor_limit()) {
    ::execvp(program, arguments);
  }
  const int error = errno;
  while (::write(report, &error, sizeof error) < 0 && errno == EINTR) {
  }
  ::_exit(127);
}

// The errno that run() reports; 0 once the program runs.
int reported(int descriptor) {
  int error = 0;
  ssize_t got = 0;
  do {
    got = ::read(descriptor, &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  return got == sizeof error ? error : 0;
}

}  // namespace

Result<void> OnComplete::start(const std::string& argument) {
  const auto failure = [this](int error) {
    return Error{error == ENOENT ? Errc::not_found : Errc::io_error,
                 fmt::format("--on-complete {}: {}", program_, std::strerror(error))};
  };
  std::string program = program_, path = argument;
  const std::array<char*, 3> arguments = {program.data(), path.data(), nullptr};
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) return failure(errno);
  const pid_t child = ::fork();
  if (child == 0) run(program.c_str(), arguments.data(), report[1]);
  int error = child < 0 ? errno : 0;
  ::close(report[1]);
  if (child > 0) error = reported(report[0]);
  ::close(report[0]);
  if (error == 0) {
    child_ = child;
    return {};
  }
  if (child > 0) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return failure(error);
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
