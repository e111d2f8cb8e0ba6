// FairTorrent: A. Sherman, J. Nieh, C. Stein, "FairTorrent: Bringing Fairness to Peer-to-Peer
// Systems" (CoNEXT 2009). Nobody is choked and nothing is measured: the next block goes to the peer
// with the lowest deficit, what it was given less what it gave.
#include "sim/policies/policies.hpp"

namespace barter::sim {

namespace {
class FairTorrent : public TradePolicy {
 public:
  void choose(std::span<const ChokeCandidate> peers, TimePoint, Random&,
              std::vector<bool>& unchoke) override {
    unchoke.assign(peers.size(), false);
    for (std::size_t i = 0; i < peers.size(); ++i) unchoke[i] = peers[i].interested;
  }

  bool by_turns() const override { return true; }
  std::size_t next(std::span<const ServeCandidate> waiting) override {
    const auto deficit = [](const ServeCandidate& peer) {
      return static_cast<std::int64_t>(peer.uploaded) - static_cast<std::int64_t>(peer.downloaded);
    };
    // Among equals from another one on each time.
    const std::size_t first = turn_++ % waiting.size();
    std::size_t best = first;
    for (std::size_t i = 1; i < waiting.size(); ++i) {
      const std::size_t at = (first + i) % waiting.size();
      if (deficit(waiting[at]) < deficit(waiting[best])) best = at;
    }
    return best;
  }

 private:
  std::size_t turn_ = 0;
};
}  // namespace

std::unique_ptr<TradePolicy> fairtorrent_policy() {
  return std::make_unique<FairTorrent>();
}

}  // namespace barter::sim
