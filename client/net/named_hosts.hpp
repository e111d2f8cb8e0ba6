// NamedHosts: hosts that the user names (peers, nodes of the DHT), looked up until they are found,
// as trackers are: a name server may be away, or a network not there yet. Whoever owns it says
// where what was found goes. Lives on one context, and is called there.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "client/net/name_resolver.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::net {

class NamedHosts : public std::enable_shared_from_this<NamedHosts> {
 public:
  static constexpr Duration patience = std::chrono::seconds(5);  // then it is told, and goes on
  static constexpr Duration pause_min = std::chrono::seconds(5),
                            pause_max = std::chrono::minutes(1);

  using Found = std::function<void(std::vector<Endpoint>)>;
  // Why a name is not found: once, and again if the reason changes. Without an error: it is now.
  using Told = std::function<void(const HostPort&, const std::optional<Error>&)>;

  // `names` must outlive what runs on the context.
  NamedHosts(boost::asio::io_context& context, NameResolver& names, Found found, Told told);

  // Addresses are found at once. A name that is being looked for is not looked for twice.
  void add(const std::vector<HostPort>& hosts);
  // Nothing is found or told from here on.
  void stop();

 private:
  static boost::asio::awaitable<void> look_for(std::shared_ptr<NamedHosts> self, HostPort host);

  boost::asio::io_context& context_;
  NameResolver& names_;
  Found found_;
  Told told_;
  std::vector<HostPort> looking_;
  std::vector<std::weak_ptr<boost::asio::steady_timer>> pauses_;
  bool stopped_ = false;
};

}  // namespace barter::net
