// Choker: whom to serve: a function from a table of peers to the set
// to unchoke. Knows rates and times, no messages. Called once a round,
// and early when a slot is free or a better partner appears.
//
// Leeching it is tit for tat: those who give us most, and one in three slots by chance, so that
// newcomers get a start and better partners are found. Seeding it is a rotation: a peer keeps its
// slot until it had its share, then others come before it, those who have least first; so pieces
// spread over many instead of few. Who is known to take and not to give comes last of all.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "client/swarm/action.hpp"
#include "client/swarm/config.hpp"
#include "torrent/random.hpp"

namespace barter {

struct ChokeCandidate {
  ConnectionId connection{};
  bool interested = false;
  bool may_want = false;  // lacks pieces, so that it may become interested
  bool unchoked = false;
  bool beginner = false;    // has nothing yet, and goes first: a piece makes it one that gives
  bool snubbing = false;    // owes us blocks and does not deliver
  bool ungrateful = false;  // had a good start from us and gave nothing like it back
  bool keeps = false;       // took and did not give: not served while others want something
  bool newcomer = false;    // connected within the last rounds: three times as likely to be tried
  std::uint64_t gives = 0;  // bytes a second it sends us
  std::uint64_t takes = 0;  // bytes a second we send it
  std::uint64_t taken = 0;  // bytes sent since it was unchoked
  TimePoint since{};        // when it was last choked or unchoked
  std::uint64_t downloaded = 0;  // bytes it gave us, in all
  double lag = 0;                // of the pieces we have, the share by which it has fewer: 0 to 1
};

// How many slots there should be: by the limit where there is one, else as many as find use.
std::uint32_t upload_slots(const SwarmConfig& config, std::uint64_t upload_limit, bool seeding,
                           std::span<const ChokeCandidate> peers);

class Choker {
 public:
  // Those to be unchoked, in the order of `peers`: one flag each.
  // `rotate` begins a new optimistic period.
  void choose(std::span<const ChokeCandidate> peers, std::uint32_t slots, bool seeding, bool rotate,
              TimePoint now, Random& random, std::vector<bool>& unchoke);

 private:
  void unchoke_ahead(std::span<const ChokeCandidate> peers, std::size_t slots, Random& random,
                     std::vector<bool>& unchoke);
  void choose_partners(std::span<const ChokeCandidate> peers, std::uint32_t slots, bool rotate,
                       Random& random, std::vector<bool>& unchoke);
  void choose_rotation(std::span<const ChokeCandidate> peers, std::uint32_t slots, TimePoint now,
                       std::vector<bool>& unchoke);
  std::uint32_t unchoke_beginners(std::span<const ChokeCandidate> peers, std::uint32_t slots,
                                  std::vector<bool>& unchoke);

  std::vector<ConnectionId> optimistic_;
  std::vector<std::uint32_t> order_;  // scratch
};

}  // namespace barter
