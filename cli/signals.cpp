#include "cli/signals.hpp"

#include "cli/exit_code.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

namespace barter::cli::signals {
namespace {

// Touched by the handler: lock-free atomics only.
std::atomic<int> first_signal{0};
std::atomic<int> wake_descriptor{-1};
std::atomic<int> reload_descriptor{-1};  // of reload_on_hangup()
static_assert(std::atomic<int>::is_always_lock_free);
std::atomic<bool> heard{false};  // somebody knows of the signal, or needs not know

constexpr auto patience = std::chrono::seconds(1);
constexpr auto look_interval = std::chrono::milliseconds(20);
std::mutex last_words_mutex;
std::function<void(int)>* last_words = nullptr;

// Ends a program that hangs. Detached: it waits for a signal for as long as the process lives.
void watch() {
  pollfd descriptor{wake_descriptor.load(), POLLIN, 0};
  while (poll(&descriptor, 1, -1) <= 0) {
  }
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!heard.load(std::memory_order_relaxed)) {
    if (std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(look_interval);
      continue;
    }
    const int number = first_signal.load(std::memory_order_relaxed);
    const std::lock_guard lock(last_words_mutex);
    if (last_words != nullptr) (*last_words)(number);
    _exit(exit_signal_base + number);
  }
}

void raise_event(int descriptor) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(descriptor, &one, sizeof one);
}

extern "C" void on_hangup(int) {
  const int saved = errno;
  raise_event(reload_descriptor.load(std::memory_order_relaxed));
  errno = saved;
}

extern "C" void on_signal(int number) {
  int expected = 0;
  if (!first_signal.compare_exchange_strong(expected, number)) {
    _exit(exit_signal_base + number);  // asked twice: now
  }
  const int saved = errno;
  raise_event(wake_descriptor.load(std::memory_order_relaxed));
  errno = saved;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(number, &action, nullptr);
}

}  // namespace

void install() {
  wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);
  handle(SIGINT, on_signal);
  handle(SIGTERM, on_signal);
  struct sigaction before {};
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) handle(SIGHUP, on_signal);
  std::thread(watch).detach();
}

int received() {
  const int number = first_signal.load(std::memory_order_relaxed);
  if (number != 0) heard.store(true, std::memory_order_relaxed);
  return number;
}

int reload_on_hangup() {
  reload_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  handle(SIGHUP, on_hangup);
  return reload_descriptor;
}

bool reload_requested() {
  std::uint64_t count = 0;
  return read(reload_descriptor.load(), &count, sizeof count) == sizeof count;
}

void ending() {
  heard.store(true, std::memory_order_relaxed);
}

LastWords::LastWords(std::function<void(int)> say) {
  const std::lock_guard lock(last_words_mutex);
  last_words = new std::function<void(int)>(std::move(say));
}

LastWords::~LastWords() {
  const std::lock_guard lock(last_words_mutex);
  delete std::exchange(last_words, nullptr);
}

bool wait(std::chrono::milliseconds timeout, int descriptor) {
  if (stop_requested()) return true;
  // poll() passes over a descriptor below zero.
  pollfd descriptors[] = {{wake_descriptor.load(), POLLIN, 0}, {descriptor, POLLIN, 0}};
  const auto bounded = std::clamp<std::chrono::milliseconds::rep>(timeout.count(), 0,
                                                                  std::numeric_limits<int>::max());
  poll(descriptors, 2, static_cast<int>(bounded));
  return stop_requested();
}

}  // namespace barter::cli::signals
