#include "client/swarm/allowed_fast.hpp"

#include <algorithm>
#include <array>

#include "torrent/sha.hpp"

namespace barter {

std::vector<PieceIndex> allowed_fast_set(const Address& peer, const WireInfoHash& info_hash,
                                         std::uint32_t pieces, std::uint32_t count) {
  std::vector<PieceIndex> set;
  if (!peer.is_v4() || pieces == 0) return set;
  count = std::min(count, pieces);
  std::array<std::byte, 24> seed{};
  const auto address = peer.v4_bytes();
  for (std::size_t i = 0; i < 3; ++i) seed[i] = std::byte{address[i]};  // the last octet is masked
  std::copy(info_hash.bytes.begin(), info_hash.bytes.end(), seed.begin() + 4);
  // The hash of a hash of a hash: after some thousand rounds without a new piece there is none.
  Sha1Digest x = sha1(seed);
  for (int round = 0; set.size() < count && round < 10'000; ++round) {
    for (std::size_t i = 0; i + 4 <= x.bytes.size() && set.size() < count; i += 4) {
      std::uint32_t y = 0;
      for (std::size_t j = 0; j < 4; ++j)
        y = y << 8 | std::to_integer<std::uint32_t>(x.bytes[i + j]);
      const PieceIndex piece{y % pieces};
      if (std::find(set.begin(), set.end(), piece) == set.end()) set.push_back(piece);
    }
    x = sha1(x.bytes);
  }
  return set;
}

}  // namespace barter
