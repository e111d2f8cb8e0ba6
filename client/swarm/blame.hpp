// Blame: who spoiled a piece. On a failed hash it keeps the digest and the sender of every block;
// when the piece comes right, exactly those whose digest differs from the good one are guilty.
// Where one peer sent a whole failed piece there is nothing to wait for. Never called for I/O
// errors. Owned by a Swarm.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "client/swarm/open_piece.hpp"

namespace barter {

class Blame {
 public:
  // The piece failed. Those already proven guilty.
  std::vector<Contributor> failed(const OpenPiece& piece, std::span<const std::uint64_t> digests);
  // Does the store have to send digests with the next success of this piece?
  bool wants_digests(PieceIndex piece) const;
  // It had a part in a piece that has not come right since.
  bool accused(ConnectionId connection) const;
  // The piece is right: those whose blocks were not. Forgets the piece.
  struct Guilty {
    Contributor contributor;
    std::uint32_t blocks = 0;
  };
  std::vector<Guilty> stored(PieceIndex piece, std::span<const std::uint64_t> digests);
  // It is banned: what it sent before does not count against it if it comes again.
  void forget(ConnectionId connection);
  std::size_t records() const { return records_.size(); }

 private:
  // Beyond this the oldest go: the peers of a piece that never comes right will fail elsewhere too.
  static constexpr std::size_t max_records = 20'000;
  struct Record {
    PieceIndex piece{};
    std::uint32_t block = 0;
    std::uint64_t digest = 0;
    Contributor sender;
  };
  std::vector<Record> records_;
};

}  // namespace barter
