#include "client/net/name_resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "client/net/endpoints.hpp"

namespace barter::net {

namespace asio = boost::asio;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<>> as_values{};
using Answer = Result<std::vector<Address>>;

// One coroutine that waits; its timer is the deadline, and is cancelled by the answer.
struct Waiter {
  explicit Waiter(asio::io_context& where) : context(where), timer(where) {}
  asio::io_context& context;
  asio::steady_timer timer;
  std::optional<Answer> answer;
};

// Blocks for as long as the system's resolver likes.
Answer look_up(const std::string& name) {
  ::addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_ADDRCONFIG;
  ::addrinfo* found = nullptr;
  const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return Error{Errc::network, std::string("cannot resolve the name: ") + ::gai_strerror(error)};
  }
  std::vector<Address> out;
  for (const ::addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const auto address = from_system(at->ai_addr);
    if (address && std::find(out.begin(), out.end(), *address) == out.end()) {
      out.push_back(*address);
    }
  }
  ::freeaddrinfo(found);
  if (out.empty()) return Error{Errc::network, "the name has no address"};
  return out;
}

}  // namespace

struct NameResolver::State {
  explicit State(NameResolverOptions given) : options(given) {}

  // A thread's life: one name after the other, until none waits.
  static void work(std::shared_ptr<State> self) {
    std::unique_lock lock(self->mutex);
    while (!self->queue.empty() && !self->stopped) {
      const std::string name = std::move(self->queue.front());
      self->queue.pop_front();
      lock.unlock();
      const Answer answer = look_up(name);
      lock.lock();
      self->finish(name, answer);
    }
    --self->threads;
  }

  // Under the lock, so that nothing is posted to a context after stop().
  void finish(const std::string& name, const Answer& answer) {
    if (stopped) return;
    const auto found = waiting.find(name);
    for (const auto& waiter : found->second) {
      asio::post(waiter->context, [waiter, answer] {
        waiter->answer = answer;
        waiter->timer.cancel();
      });
    }
    waiting.erase(found);
  }

  // Under the lock. False: the machine has no more.
  bool start_thread() {
    try {
      std::thread(work, self.lock()).detach();
    } catch (const std::system_error&) {
      return false;
    }
    ++threads;
    return true;
  }

  bool enqueue(const std::string& name, std::shared_ptr<Waiter> waiter) {
    const std::lock_guard lock(mutex);
    if (stopped) return false;
    const auto found = waiting.find(name);
    if (found != waiting.end()) {
      found->second.push_back(std::move(waiter));
      return true;
    }
    if (queue.size() >= options.max_waiting) return false;
    if (threads < options.at_once && !start_thread() && threads == 0) return false;
    waiting[name].push_back(std::move(waiter));
    queue.push_back(name);
    return true;
  }

  const NameResolverOptions options;
  std::weak_ptr<State> self;
  std::mutex mutex;  // of all below
  std::deque<std::string> queue;
  std::map<std::string, std::vector<std::shared_ptr<Waiter>>> waiting;  // and those under way
  std::size_t threads = 0;
  bool stopped = false;
};

NameResolver::NameResolver(NameResolverOptions options) : state_(std::make_shared<State>(options)) {
  state_->self = state_;
}

NameResolver::~NameResolver() {
  stop();
}

void NameResolver::stop() {
  std::map<std::string, std::vector<std::shared_ptr<Waiter>>> dropped;
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  state_->queue.clear();
  dropped.swap(state_->waiting);
}

asio::awaitable<Answer> NameResolver::resolve(asio::io_context& context, std::string name,
                                              TimePoint deadline) {
  if (const auto literal = Address::parse(name)) co_return std::vector<Address>{*literal};
  const auto waiter = std::make_shared<Waiter>(context);
  waiter->timer.expires_at(deadline);
  if (!state_->enqueue(name, waiter)) {
    co_return Error{Errc::network, "too many names to resolve at once"};
  }
  const auto waited = co_await waiter->timer.async_wait(as_values);
  static_cast<void>(waited);
  if (waiter->answer) co_return std::move(*waiter->answer);
  co_return Error{Errc::timed_out, "the name was not resolved in time"};
}

}  // namespace barter::net
