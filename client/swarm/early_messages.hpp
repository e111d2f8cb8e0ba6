// EarlyMessages: what a peer said of its pieces before we knew how many there are: kept until the
// metainfo is known, then heard as if it came at that moment. Capped: of each bitfield one, and of
// the rest the first; what is forgotten beyond that makes a peer look poorer than it is until it
// says so again. Owned by a Peer.
#pragma once

#include <vector>

#include "client/wire/message.hpp"

namespace barter {

class EarlyMessages {
 public:
  static constexpr std::size_t max_messages = 500;

  // True if it is one of those that cannot be checked without a layout: then it was taken.
  bool take(wire::Message& message);
  // In the order of their coming, but that a `have` is in the bitfield before it.
  std::vector<wire::Message> release() { return std::move(kept_); }

 private:
  void keep(wire::Message& message);
  wire::BitfieldMessage* bitfield();
  bool merge(std::uint32_t piece, bool has);

  std::vector<wire::Message> kept_;
};

}  // namespace barter
