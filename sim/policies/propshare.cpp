// PropShare: D. Levin, K. LaCurts, N. Spring, B. Bhattacharjee, "BitTorrent is an Auction:
// Analyzing and Improving BitTorrent's Incentives" (SIGCOMM 2008). Who gave in the last round of
// ten seconds gets a share of the uplink in proportion; a fifth goes to others by chance, all of it
// while nobody gives.
#include <algorithm>
#include <unordered_map>

#include "sim/policies/policies.hpp"

namespace barter::sim {

namespace {
constexpr std::size_t explored = 4;
constexpr double explored_share = 0.2;

class PropShare : public TradePolicy {
 public:
  void choose(std::span<const ChokeCandidate> peers, TimePoint now, Random& random,
              std::vector<bool>& unchoke) override {
    unchoke.assign(peers.size(), false);
    if (rounds_.begins(now)) begin_round(peers);
    for (std::size_t i = 0; i < peers.size(); ++i) {
      unchoke[i] = peers[i].interested && gave(peers[i].connection) > 0;
    }
    keep_unchoked(peers, explored, random, unchoke);
  }

  bool by_turns() const override { return true; }
  // Weighted turns: who has had least for its share.
  std::size_t next(std::span<const ServeCandidate> waiting) override {
    double total = 0;
    for (const auto& [connection, bytes] : gave_) total += bytes;
    const double newcomer =
        total > 0 ? total * explored_share / (1 - explored_share) / explored : 1;
    std::size_t best = 0;
    double least = 0;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      const double weight = std::max(gave(waiting[i].connection), newcomer);
      const double had = handed_[waiting[i].connection] / weight;
      if (i == 0 || had < least) {
        best = i;
        least = had;
      }
    }
    ++handed_[waiting[best].connection];
    return best;
  }

 private:
  double gave(ConnectionId connection) const {
    const auto found = gave_.find(connection);
    return found == gave_.end() ? 0 : found->second;
  }
  void begin_round(std::span<const ChokeCandidate> peers) {
    std::unordered_map<ConnectionId, std::uint64_t> totals;
    gave_.clear();
    handed_.clear();
    for (const ChokeCandidate& peer : peers) {
      totals[peer.connection] = peer.downloaded;
      const auto before = totals_.find(peer.connection);
      const std::uint64_t since = before == totals_.end() ? 0 : before->second;
      if (peer.downloaded > since)
        gave_[peer.connection] = static_cast<double>(peer.downloaded - since);
    }
    totals_ = std::move(totals);
  }

  Rounds rounds_{std::chrono::seconds(10)};
  std::unordered_map<ConnectionId, std::uint64_t> totals_;  // that it had given when it began
  std::unordered_map<ConnectionId, double> gave_;           // bytes, in the round before
  std::unordered_map<ConnectionId, double> handed_;         // blocks, in this one
};
}  // namespace

std::unique_ptr<TradePolicy> propshare_policy() {
  return std::make_unique<PropShare>();
}

}  // namespace barter::sim
