#include "client/fetch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "client/net/http_fetch.hpp"
#include "torrent/url.hpp"

namespace barter {

namespace {
// For what the fetch leaves behind to end. A name that is still being looked up takes longer.
constexpr std::chrono::milliseconds patience{200};
constexpr std::chrono::milliseconds ask_interval{50};  // whether it is cancelled
}  // namespace

Result<FetchReply> fetch(const std::string& url, const FetchOptions& options,
                         const std::function<bool()>& cancelled) {
  // On a thread of its own, which is left behind where a name is still
  // being looked up at the deadline.
  const auto context = std::make_shared<boost::asio::io_context>(1);
  const auto cancel = std::make_shared<boost::asio::cancellation_signal>();
  auto reply = boost::asio::co_spawn(
      *context, net::http_fetch(url, options, net::Family::any),
      boost::asio::bind_cancellation_slot(cancel->slot(), boost::asio::use_future));
  std::promise<void> ended;
  const auto end = ended.get_future();
  std::thread thread([context, cancel, ended = std::move(ended)]() mutable {
    context->run();
    ended.set_value();
  });
  bool ended_early = false;
  while (cancelled && !ended_early && reply.wait_for(ask_interval) != std::future_status::ready) {
    ended_early = cancelled();
    if (!ended_early) continue;
    boost::asio::post(*context,
                      [cancel] { cancel->emit(boost::asio::cancellation_type::terminal); });
  }
  reply.wait();
  if (end.wait_for(patience) == std::future_status::ready) {
    thread.join();
  } else {
    thread.detach();
  }
  auto result = reply.get();
  if (!ended_early) return result;
  return Error{Errc::cancelled, redacted(url) + ": cancelled"};
}

}  // namespace barter
