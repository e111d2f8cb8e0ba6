#include "client/net/finders.hpp"

#include <utility>

#include "client/net/dht_socket.hpp"
#include "client/net/local_discovery.hpp"

namespace barter::net {

Finders::Finders(boost::asio::io_context& service, const FindersOptions& options, Found found,
                 Told told) {
  if (options.local_discovery) {
    LocalDiscoveryOptions local;
    local.port = options.port;
    local.addresses = options.addresses;
    local_ = std::make_shared<LocalDiscovery>(
        service, std::move(local), [found](const WireInfoHash& info_hash, const Endpoint& peer) {
          found(info_hash, PeerSource::lsd, {&peer, 1});
        });
  }
  if (options.dht) {
    DhtSocketOptions dht;
    dht.port = options.port;
    dht.addresses = options.addresses;
    dht.bootstrap = options.dht_bootstrap;
    dht.state_folder = options.state_folder;
    dht_ = std::make_shared<DhtSocket>(
        service, std::move(dht),
        [found = std::move(found)](const WireInfoHash& info_hash, std::span<const Endpoint> peers) {
          found(info_hash, PeerSource::dht, peers);
        },
        std::move(told));
    if (dht_->open()) {
      dht_port_ = dht_->port();
    } else {
      dht_ = nullptr;  // no UDP here
    }
  }
}

Finders::~Finders() = default;

void Finders::begin(const WireInfoHash& info_hash, const std::vector<HostPort>& nodes) {
  if (local_) local_->begin(info_hash);
  if (!dht_) return;
  dht_->begin(info_hash);
  if (!nodes.empty()) dht_->add_nodes(nodes);
}

void Finders::end(const WireInfoHash& info_hash) {
  if (local_) local_->end(info_hash);
  if (dht_) dht_->end(info_hash);
}

void Finders::add_node(const Endpoint& node) {
  if (dht_) dht_->add_node(node);
}

void Finders::stop() {
  if (local_) local_->stop();
  if (dht_) dht_->stop();
}

}  // namespace barter::net
