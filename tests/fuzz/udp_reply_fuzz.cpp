// What a UDP tracker answers, over both families: bounded, sane, and the same when written again.
//
// fuzz-links: barter::tracker
#include "tests/fuzz/fuzz.hpp"
#include "tracker/udp_protocol.hpp"

using namespace barter;
using namespace barter::tracker;
using fuzz::require;

namespace {

constexpr std::size_t max_peers = 50;

void check(const UdpReply& reply, IpFamily family) {
  Packet again;
  if (const auto* connected = std::get_if<UdpConnected>(&reply.body)) {
    write_udp_connected(reply.transaction, connected->connection_id, again);
    const auto back = parse_udp_reply(again, family);
    require(back && std::get<UdpConnected>(back->body).connection_id == connected->connection_id,
            "the connection id");
  } else if (const auto* announced = std::get_if<UdpAnnounced>(&reply.body)) {
    require(announced->peers.size() <= max_peers, "peers are bounded");
    bool one_family = true;  // IPv4 in IPv6 is IPv4 to us
    for (const Endpoint& peer : announced->peers) {
      require(peer.port != 0, "a peer listens somewhere");
      require(!peer.address.is_unspecified() && !peer.address.is_multicast(), "one host");
      one_family = one_family && family_of(peer.address) == family;
    }
    AnnounceReply head;
    head.interval = announced->interval;
    head.complete = announced->complete;
    head.incomplete = announced->incomplete;
    write_udp_announced(reply.transaction, head, announced->peers, family, again);
    const auto back = parse_udp_reply(again, family);
    require(back.has_value(), "a written reply is one");
    const auto& same = std::get<UdpAnnounced>(back->body);
    require(same.interval == head.interval && same.complete == head.complete &&
                same.incomplete == head.incomplete,
            "the same counts");
    require(!one_family || same.peers == announced->peers, "the same peers");
  } else if (const auto* scraped = std::get_if<UdpScraped>(&reply.body)) {
    require(scraped->counts.size() <= max_udp_scraped, "counts are bounded");
  } else {
    const auto& error = std::get<UdpError>(reply.body);
    require(!error.message.empty() && error.message.size() <= max_udp_error_bytes, "a short text");
    write_udp_error(reply.transaction, error.message, again);
    const auto back = parse_udp_reply(again, family);
    require(back && std::get<UdpError>(back->body).message == error.message, "the same text");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> packet = as_bytes(fuzz::text_of(data, size));
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
    if (const auto reply = parse_udp_reply(packet, family, max_peers)) check(*reply, family);
  }
  return 0;
}
