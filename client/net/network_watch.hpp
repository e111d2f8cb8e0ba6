// NetworkWatch: tells when the addresses under which others could reach this machine have changed:
// another network, a cable, a tunnel. The kernel says that something happened (netlink), and we
// look whether it matters; what keeps changing is told of once a minute. Owned by the Client, on
// its service thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"
#include "torrent/time.hpp"

namespace barter::net {

struct NetworkWatchOptions {
  Duration settle = std::chrono::seconds(2);  // a change comes in several parts
  Duration pause = std::chrono::seconds(60);  // between two that are told of
};

class NetworkWatch : public std::enable_shared_from_this<NetworkWatch> {
 public:
  NetworkWatch(boost::asio::io_context& context, NetworkWatchOptions options,
               std::function<void()> changed)
      : options_(options), changed_(std::move(changed)), events_(context), timer_(context) {}

  // Before the context runs, or on its thread. An error: changes are not seen here.
  Result<void> start();
  void stop();  // on the context's thread: nothing is told from here on

 private:
  void wait();
  void look_at(TimePoint when);
  void look();

  const NetworkWatchOptions options_;
  std::function<void()> changed_;
  boost::asio::posix::stream_descriptor events_;
  boost::asio::steady_timer timer_;
  std::vector<Address> addresses_;  // as last told, sorted
  TimePoint told_at_{};
  bool told_ = false, armed_ = false, stopped_ = false;
};

}  // namespace barter::net
