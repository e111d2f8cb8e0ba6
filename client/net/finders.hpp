// Finders: the ways of finding peers that need no tracker and belong to the whole client, not to
// one torrent. Told which torrents trade, they tell of the peers they find. Owned by the Client;
// works on its service thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/swarm/action.hpp"
#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::net {

class DhtSocket;
class LocalDiscovery;

struct FindersOptions {
  std::uint16_t port = 0;          // on which peers reach us
  std::vector<Address> addresses;  // of ours, where peers reach us; empty: all
  bool local_discovery = false;    // BEP 14
  bool dht = false;                // BEP 5
  std::vector<HostPort> dht_bootstrap;
  std::string state_folder;  // where the DHT's table is kept; "" keeps none
};

class Finders {
 public:
  // Peers of a torrent. On the service thread.
  using Found = std::function<void(const WireInfoHash&, PeerSource, std::span<const Endpoint>)>;

  // A node of the DHT, named by the user or by a torrent, that cannot be found; see NamedHosts.
  using Told = std::function<void(const HostPort&, const std::optional<Error>&)>;

  Finders(boost::asio::io_context& service, const FindersOptions& options, Found found, Told told);
  ~Finders();

  // A torrent trades, or does so no longer; not for those known to be private (BEP 27). Any thread.
  // `nodes`: where there may be nodes of the DHT.
  void begin(const WireInfoHash& info_hash, const std::vector<HostPort>& nodes);
  void end(const WireInfoHash& info_hash);
  void add_node(const Endpoint& node);  // of the DHT; any thread
  void stop();                          // any thread

  // Of our node of the DHT; 0: there is none. Any thread.
  std::uint16_t dht_port() const { return dht_port_; }

 private:
  std::shared_ptr<LocalDiscovery> local_;  // null: switched off, as below
  std::shared_ptr<DhtSocket> dht_;
  std::uint16_t dht_port_ = 0;
};

}  // namespace barter::net
