// Rollout: a prediction for people: so many peers fetch so many bytes over such lines. Chooses how
// finely that can be simulated, runs it, and gives the report in the units of the question. No
// state between calls; one thread; a Violation or std::bad_alloc is all that is thrown.
//
// What is too large to be simulated block by block is made smaller in
// two ways, and both keep what decides: how many pieces and blocks there
// are, and how long the control loops are beside the whole.
//   - rate: size and lines are divided alike; times stay. A block stands for several. Bounded,
//   since
//     a block must not take longer on a line than the loops' timeouts allow
//   - time: the torrent alone is divided, and the times are multiplied afterwards
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "sim/report.hpp"
#include "torrent/time.hpp"

namespace barter::sim {

inline constexpr std::uint32_t most_rollout_peers = 10'000;
inline constexpr std::uint64_t most_rollout_links = 1'000'000;  // peers x connections
inline constexpr std::uint64_t least_rollout_rate = 1000;       // bytes a second of a line

struct RolloutOptions {
  std::uint32_t peers = 1, seeds = 1;                  // that begin without it, with it
  std::uint64_t size = 0;                              // bytes
  std::uint32_t piece_length = 0;                      // bytes, a multiple of 16 KiB
  std::uint64_t seed_up = 0, seed_down = 0;            // of each seed, bytes a second of the line
  std::uint64_t up = 0, down = 0;                      // of each peer
  Duration round_trip = std::chrono::milliseconds(1);  // between any two
  Duration arrivals{};                                 // they come evenly over this time
  std::uint32_t connections = 80;                      // of each, at most
  bool leave = false;                                  // a peer goes when it has everything
};

// What is simulated for it.
struct Grain {
  std::uint32_t pieces = 0, piece_length = 0, last_piece = 0;
  double rate = 1;    // sizes and lines are so many times smaller
  double time = 1;    // the torrent, once more
  bool exact = true;  // as many pieces and blocks as the torrent has
};

// `most_blocks`: that are sent to all peers together; what decides how long it takes.
inline constexpr std::uint64_t usual_blocks = 8'000'000;
Grain choose_grain(const RolloutOptions& options, std::uint64_t most_blocks = usual_blocks);

// About, on one idle core of today, and of memory: within a factor of two or so.
struct Effort {
  double seconds = 0;
  std::uint64_t bytes = 0;
};
Effort effort_of(const RolloutOptions& options, const Grain& grain);

// Of one peer after the other, over the seeds' uplinks, with the packets' headers.
double plain_copy_seconds(const RolloutOptions& options);

struct Prediction {
  std::uint64_t random_seed = 0;
  bool stopped = false;  // by `go_on`; the report is empty
  Report report;         // in bytes and seconds of the question
};
// `go_on` is asked every few thousand events, with the share of all
// pieces that arrived; false stops.
Prediction predict(const RolloutOptions& options, const Grain& grain, std::uint64_t random_seed,
                   const std::function<bool(double share)>& go_on = {});

// When so many of the peers (0: the first, 1: all) have everything; nothing if they never did.
std::optional<double> seconds_until(const Report& report, double share);

}  // namespace barter::sim
