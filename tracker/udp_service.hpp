// UdpService: what the tracker's UDP server answers (BEP 15, 41), without its sockets: a packet in,
// at most one out. To an address that has not proven itself nothing goes out but a connection id,
// which is no longer than the request for it. May be called from any thread.
#pragma once

#include <span>

#include "torrent/endpoint.hpp"
#include "torrent/time.hpp"
#include "tracker/connection_ids.hpp"
#include "tracker/introducer.hpp"
#include "tracker/udp_protocol.hpp"

namespace barter::tracker {

class UdpService {
 public:
  // `introducer` outlives it. The key must be random, and for this alone.
  UdpService(Introducer& introducer, SipKey key) : introducer_(introducer), ids_(key) {}

  // `remote` sent it to `local`. An empty reply is silence. `now` is the steady clock's.
  void answer(std::span<const std::byte> packet, const Endpoint& remote, const Address& local,
              TimePoint now, Packet& reply);

 private:
  void announce(const UdpHead& head, std::span<const std::byte> packet, const Endpoint& remote,
                const Address& local, TimePoint now, Packet& reply);
  void scrape(const UdpHead& head, std::span<const std::byte> packet, TimePoint now, Packet& reply);
  void refuse(const UdpHead& head, std::string_view reason, Packet& reply);

  Introducer& introducer_;
  const ConnectionIds ids_;
};

}  // namespace barter::tracker
