#include "client/fetch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <memory>
#include <thread>

#include "client/net/http_fetch.hpp"

namespace barter {

Result<FetchReply> fetch(const std::string& url, const FetchOptions& options) {
  // On a thread of its own, which is left behind where a name is still being looked up at the
  // deadline.
  const auto context = std::make_shared<boost::asio::io_context>(1);
  auto reply = boost::asio::co_spawn(*context, net::http_fetch(url, options, net::Family::any),
                                     boost::asio::use_future);
  std::thread([context] { context->run(); }).detach();
  return reply.get();
}

}  // namespace barter
