// What a UDP tracker is sent: bounded, and what was accepted says the
// same when it is written again.
//
// fuzz-links: barter::tracker
#include "tests/fuzz/fuzz.hpp"
#include "tracker/udp_protocol.hpp"

using namespace barter;
using namespace barter::tracker;
using fuzz::require;

namespace {

void check_announce(const UdpHead& head, std::span<const std::byte> packet) {
  const auto announce = parse_udp_announce(packet);
  if (!announce) {
    require(announce.error().code == Errc::protocol, "garbage is a breach of protocol");
    return;
  }
  require(packet.size() >= 98, "an announce is whole");
  require(announce->announce.port != 0, "a peer listens somewhere");
  require(announce->url_data.size() <= packet.size() - 98, "options are within the packet");
  require(!announce->announce.peers_wanted || *announce->announce.peers_wanted < 0x80000000,
          "a negative number is the default");
  Packet again;
  if (announce->url_data.size() > max_url_data_bytes) {
    require(write_udp_announce(1, 1, *announce, again).has_error(), "a long URL is refused");
    return;
  }
  require(write_udp_announce(head.connection_id, head.transaction, *announce, again).has_value(),
          "what was read can be written");
  const auto new_head = parse_udp_head(again);
  const auto back = parse_udp_announce(again);
  require(new_head && back, "what was written can be read");
  require(new_head->connection_id == head.connection_id, "the connection id");
  require(new_head->transaction == head.transaction, "the transaction");
  require(back->announce.info_hash == announce->announce.info_hash, "the info-hash");
  require(back->announce.peer_id == announce->announce.peer_id, "the peer id");
  require(back->announce.left == announce->announce.left, "what is left");
  require(back->announce.event == announce->announce.event, "the event");
  require(back->announce.peers_wanted == announce->announce.peers_wanted, "the wish");
  require(back->announce.port == announce->announce.port, "the port");
  require(back->key == announce->key && back->url_data == announce->url_data, "key and URL");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> packet = as_bytes(fuzz::text_of(data, size));
  const auto head = parse_udp_head(packet);
  if (!head) return 0;
  require(size >= 16 && size <= max_udp_packet_bytes, "a request has its size");
  switch (head->action) {
    case UdpAction::connect:
      break;
    case UdpAction::announce:
      check_announce(*head, packet);
      break;
    case UdpAction::scrape: {
      const auto hashes = parse_udp_scrape(packet);
      if (!hashes) break;
      require(!hashes->empty() && hashes->size() <= max_udp_scraped, "scrapes are bounded");
      Packet again;
      write_udp_scrape(head->connection_id, head->transaction, *hashes, again);
      require(again.size() <= size, "nothing is added");
      require(parse_udp_scrape(again).value() == *hashes, "the same info-hashes");
      break;
    }
    case UdpAction::error:
      require(false, "no client sends errors");
  }
  return 0;
}
