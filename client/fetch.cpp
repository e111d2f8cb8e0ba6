#include "client/fetch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "client/net/http_fetch.hpp"

namespace barter {

namespace {
// For what the fetch leaves behind to end. A name that is still being looked up takes longer.
constexpr std::chrono::milliseconds patience{200};
}  // namespace

Result<FetchReply> fetch(const std::string& url, const FetchOptions& options) {
  // On a thread of its own, which is left behind where a name is still being looked up at the
  // deadline.
  const auto context = std::make_shared<boost::asio::io_context>(1);
  auto reply = boost::asio::co_spawn(*context, net::http_fetch(url, options, net::Family::any),
                                     boost::asio::use_future);
  std::promise<void> ended;
  const auto end = ended.get_future();
  std::thread thread([context, ended = std::move(ended)]() mutable {
    context->run();
    ended.set_value();
  });
  reply.wait();
  if (end.wait_for(patience) == std::future_status::ready) {
    thread.join();
  } else {
    thread.detach();
  }
  return reply.get();
}

}  // namespace barter
