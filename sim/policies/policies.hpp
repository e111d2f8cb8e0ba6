// Published rules for whom to serve, for comparison with our own over the scenarios
// (bench/swarm-sim --policies). Each is in a file of its own, with its source.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "client/swarm/trade_policy.hpp"

namespace barter::sim {

// While we lack pieces.
std::unique_ptr<TradePolicy> classic_policy();
std::unique_ptr<TradePolicy> rate_adaptive_policy();
std::unique_ptr<TradePolicy> propshare_policy();
std::unique_ptr<TradePolicy> fairtorrent_policy();
// Seeds.
std::unique_ptr<TradePolicy> rotation_policy();
std::unique_ptr<TradePolicy> fastest_policy();
std::unique_ptr<TradePolicy> anti_leech_policy();
std::unique_ptr<TradePolicy> rarest_unsent_policy();
std::unique_ptr<TradePolicy> credit_policy();

struct NamedPolicy {
  std::string_view name;
  std::unique_ptr<TradePolicy> (*leech)();  // null: our own
  std::unique_ptr<TradePolicy> (*seed)();
};
std::span<const NamedPolicy> named_policies();  // the first is our own

// ---- what several of them do

// Begins a round every so often.
class Rounds {
 public:
  explicit Rounds(Duration every) : every_(every) {}
  bool begins(TimePoint now) {
    if (began_ && now - at_ < every_) return false;
    began_ = true;
    at_ = now;
    return true;
  }

 private:
  Duration every_;
  TimePoint at_{};
  bool began_ = false;
};

using Rank = std::function<double(const ChokeCandidate&)>;
// Up to `slots` of those interested that are not yet in `unchoke`, the highest rank first; among
// equals by chance.
void unchoke_best(std::span<const ChokeCandidate> peers, std::size_t slots, const Rank& rank,
                  Random& random, std::vector<bool>& unchoke);
// Between rounds: who is unchoked and interested stays, and free slots go by chance.
void keep_unchoked(std::span<const ChokeCandidate> peers, std::size_t slots, Random& random,
                   std::vector<bool>& unchoke);

// Slots by rank, and some by chance for a while: what most of them are.
class RankedPolicy : public TradePolicy {
 public:
  RankedPolicy(Duration round, Duration chance) : rounds_(round), chance_(chance) {}
  void choose(std::span<const ChokeCandidate> peers, TimePoint now, Random& random,
              std::vector<bool>& unchoke) override;

 protected:
  virtual double rank(const ChokeCandidate& peer) const = 0;
  virtual std::size_t slots(std::span<const ChokeCandidate>) const { return 8; }
  virtual std::size_t by_chance(std::size_t slots) const { return slots / 5; }

 private:
  Rounds rounds_, chance_;
  std::size_t slots_ = 0;
  std::vector<ConnectionId> lucky_;
};

}  // namespace barter::sim
