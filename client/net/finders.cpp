#include "client/net/finders.hpp"

#include <utility>

#include "client/net/local_discovery.hpp"

namespace barter::net {

Finders::Finders(boost::asio::io_context& service, const FindersOptions& options, Found found) {
  if (!options.local_discovery) return;
  LocalDiscoveryOptions local;
  local.port = options.port;
  local.addresses = options.addresses;
  local_ = std::make_shared<LocalDiscovery>(
      service, std::move(local),
      [found = std::move(found)](const WireInfoHash& info_hash, const Endpoint& peer) {
        found(info_hash, PeerSource::lsd, {&peer, 1});
      });
}

Finders::~Finders() = default;

void Finders::begin(const WireInfoHash& info_hash) {
  if (local_) local_->begin(info_hash);
}

void Finders::end(const WireInfoHash& info_hash) {
  if (local_) local_->end(info_hash);
}

void Finders::stop() {
  if (local_) local_->stop();
}

}  // namespace barter::net
