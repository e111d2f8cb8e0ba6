// libtorrent's round robin for seeds (its manual, "seed_choking_algorithm"): eight slots; who had
// twenty pieces (here: 5 MiB) and a minute makes room for those that wait longest.
#include "sim/policies/policies.hpp"

namespace barter::sim {

namespace {
constexpr std::size_t slots = 8;
constexpr std::uint64_t quota = 5 << 20;
constexpr Duration least_time = std::chrono::minutes(1);

class Rotation : public TradePolicy {
 public:
  void choose(std::span<const ChokeCandidate> peers, TimePoint now, Random& random,
              std::vector<bool>& unchoke) override {
    unchoke.assign(peers.size(), false);
    if (!rounds_.begins(now)) return keep_unchoked(peers, slots, random, unchoke);
    const auto rank = [now](const ChokeCandidate& peer) {
      const double waited = std::chrono::duration<double>(now - peer.since).count();
      if (!peer.unchoked) return waited;
      // Below all that wait, or above them.
      return peer.taken >= quota && now - peer.since >= least_time ? -1 : 1e9;
    };
    unchoke_best(peers, slots, rank, random, unchoke);
  }

 private:
  Rounds rounds_{std::chrono::seconds(15)};
};
}  // namespace

std::unique_ptr<TradePolicy> rotation_policy() {
  return std::make_unique<Rotation>();
}

}  // namespace barter::sim
