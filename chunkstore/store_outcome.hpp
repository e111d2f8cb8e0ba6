// StoreOutcome: what became of a piece given to the store. A value; apart from store.hpp so that
// the core can hear of it without seeing the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace barter {

enum class StoreResult : std::uint8_t {
  stored,
  hash_mismatch,
  blocks_lost,  // that were put aside: they must be fetched again
  no_space,
  io_error,
  refused,  // a file of it can never be written as it is: forbidden, or too large
};

struct StoreOutcome {
  StoreResult result = StoreResult::stored;
  // A keyed 64-bit digest of each block, in order, where asked for or on a mismatch: equal bytes
  // give equal digests within one process, and a peer cannot aim at one.
  std::vector<std::uint64_t> block_digests;
  std::string message;                          // of the last four: what and where
  std::vector<std::uint32_t> lost_blocks = {};  // of blocks_lost: by number in the piece
};

}  // namespace barter
