#include "client/swarm/blame.hpp"

#include <algorithm>

namespace barter {

std::vector<Contributor> Blame::failed(const OpenPiece& piece,
                                       std::span<const std::uint64_t> digests) {
  bool all_known = true;
  const Contributor* only = nullptr;
  bool one_sender = true;
  for (std::uint32_t i = 0; i < piece.block_count(); ++i) {
    if (piece.is_pad_block(i)) continue;
    const Contributor* sender = piece.sender(i);
    if (sender == nullptr) {
      all_known = false;
      continue;
    }
    if (only != nullptr && sender != only) one_sender = false;
    only = sender;
    if (i < digests.size()) records_.push_back({piece.piece(), i, digests[i], *sender});
  }
  if (records_.size() > max_records) {
    const auto excess = static_cast<std::ptrdiff_t>(records_.size() - max_records);
    records_.erase(records_.begin(), records_.begin() + excess);
  }
  if (only != nullptr && one_sender && all_known) return {*only};
  return {};
}

bool Blame::wants_digests(PieceIndex piece) const {
  return std::any_of(records_.begin(), records_.end(),
                     [&](const Record& record) { return record.piece == piece; });
}

bool Blame::accused(ConnectionId connection) const {
  return std::any_of(records_.begin(), records_.end(),
                     [&](const Record& record) { return record.sender.connection == connection; });
}

void Blame::forget(ConnectionId connection) {
  std::erase_if(records_,
                [&](const Record& record) { return record.sender.connection == connection; });
}

std::vector<Blame::Guilty> Blame::stored(PieceIndex piece, std::span<const std::uint64_t> digests) {
  std::vector<Guilty> guilty;
  for (const Record& record : records_) {
    if (record.piece != piece || record.block >= digests.size()) continue;
    if (record.digest == digests[record.block]) continue;
    const auto known = std::find_if(guilty.begin(), guilty.end(), [&](const Guilty& other) {
      return other.contributor.connection == record.sender.connection;
    });
    if (known != guilty.end()) {
      ++known->blocks;
    } else {
      guilty.push_back({record.sender, 1});
    }
  }
  std::erase_if(records_, [&](const Record& record) { return record.piece == piece; });
  return guilty;
}

}  // namespace barter
