// Announce queries: what is accepted makes sense, and says the same when written again; a registry
// hands out neither the asker nor more than was asked for.
//
// fuzz-links: barter::tracker
#include "tests/fuzz/fuzz.hpp"
#include "tracker/announce.hpp"
#include "tracker/registry.hpp"

using namespace barter;
using namespace barter::tracker;
using fuzz::require;

namespace {

void check_round_trip(const AnnounceRequest& request) {
  const auto again = parse_announce_query(to_query(request));
  require(again.has_value(), "a written query is read");
  require(again->info_hash == request.info_hash && again->peer_id == request.peer_id, "identity");
  require(again->port == request.port && again->left == request.left, "port and left");
  require(again->uploaded == request.uploaded && again->downloaded == request.downloaded, "counts");
  require(again->event == request.event && again->compact == request.compact, "event");
  require(again->peers_wanted == request.peers_wanted, "numwant");
  require(again->key == request.key && again->tracker_id == request.tracker_id, "opaque values");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = parse_announce_query(fuzz::text_of(data, size));
  if (!request) {
    require(!request.error().message.empty(), "a refusal has a reason");
    require(parse_announce_body(to_body(Failure{request.error().message, {}})).has_value(),
            "a refusal can be sent");
    return 0;
  }
  require(request->port != 0, "a port");
  require(request->key.size() <= 64, "keys are bounded");
  check_round_trip(*request);

  Registry registry({}, 1);
  Random random(1);
  const TimePoint now{std::chrono::hours(1)};
  std::vector<Endpoint> peers;
  for (std::uint8_t i = 0; i < 3; ++i) {
    AnnounceRequest other;
    other.info_hash = request->info_hash;
    other.port = request->port;
    other.left = i;
    registry.announce(other, {Address::v4({10, 0, 0, i}), other.port}, now, random, peers);
  }
  peers.clear();
  const Endpoint asker{Address::v4({10, 0, 0, 9}), request->port};
  const auto answer = registry.announce(*request, asker, now, random, peers);
  require(!answer.refused, "room for four");
  const std::uint32_t here = request->event == Event::stopped ? 3 : 4;
  require(answer.complete + answer.incomplete == here, "everybody is counted");
  require(peers.size() <= request->peers_wanted.value_or(50), "no more than asked for");
  for (const Endpoint& peer : peers) require(peer != asker, "never the asker");
  return 0;
}
