// What trackers answer: bounded and sane; written again, compact or full, it says the same.
//
// fuzz-links: barter::tracker
#include "tests/fuzz/fuzz.hpp"
#include "tracker/announce.hpp"

using namespace barter;
using namespace barter::tracker;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t max_peers = 50;
  const auto answer = parse_announce_body(fuzz::text_of(data, size), max_peers);
  if (!answer) {
    require(answer.error().code == Errc::protocol, "garbage is a breach of protocol");
    return 0;
  }
  if (answer->failure) {
    require(!answer->failure->reason.empty(), "a failure has a reason");
    const auto again = parse_announce_body(to_body(*answer->failure));
    require(again && again->failure, "a written failure is one");
    require(again->failure->reason == answer->failure->reason, "the reason");
    require(again->failure->retry_in_minutes == answer->failure->retry_in_minutes, "the time");
    return 0;
  }
  const AnnounceReply& reply = answer->reply;
  require(reply.peers.size() <= max_peers, "peers are bounded");
  require(reply.warning.size() <= 1024 && reply.tracker_id.size() <= 1024, "texts are bounded");
  bool all_addresses = true;
  for (const HostPort& peer : reply.peers) {
    require(peer.port != 0 && !peer.host.empty() && peer.host.size() <= 255, "a peer is somewhere");
    for (const char c : peer.host) require(c > 0x20 && c < 0x7f, "hosts are plain");
    const auto address = Address::parse(peer.host);
    all_addresses = all_addresses && address;
    require(!address || (!address->is_unspecified() && !address->is_multicast()), "one host");
  }
  const auto full = parse_announce_body(to_body(reply, false), max_peers);
  require(full && !full->failure, "a written reply is one");
  require(full->reply.peers == reply.peers, "the same peers");
  require(full->reply.interval == reply.interval, "the same interval");
  require(full->reply.external_ip == reply.external_ip, "the same address");
  require(full->reply.tracker_id == reply.tracker_id, "the same id");
  const auto compact = parse_announce_body(to_body(reply, true), max_peers);
  require(compact.has_value(), "a compact reply is one");
  require(!all_addresses || compact->reply.peers.size() == reply.peers.size(), "as many peers");
  return 0;
}
