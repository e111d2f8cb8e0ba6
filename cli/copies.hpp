// Copies: which peers have everything that a share gives, for `--copies`. Anybody may tell a
// tracker that he completed, so that alone counts for nothing. A peer counts once a link with it
// shows that it has every piece, or once it tells the tracker so after we sent it something over a
// link. Whoever shows all pieces may still lie. So an address (of IPv6 a /64) is believed once;
// further peers behind it count only if we sent them something. In local networks, where the peers
// of a crowd may get all from each other, a link and the word to the tracker, or a link on which
// pieces were seen to come, are enough. One torrent; no sockets, no clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"

namespace barter::cli {

class Copies {
 public:
  explicit Copies(std::uint32_t pieces) : pieces_(pieces) {}

  // A link as it is, or was at its end. Both are true if that makes a copy more.
  bool saw_link(const PeerId& peer, const Address& from, std::uint32_t pieces,
                std::uint64_t uploaded);
  // The tracker hears from there that it has everything.
  bool heard_completed(const PeerId& peer, const Address& from);
  // Should we call one who says so, to see for ourselves? Not often for one address.
  bool worth_a_call(const PeerId& peer, const Endpoint& at);

  std::size_t count() const { return count_; }

 private:
  // Peers and addresses that are kept; what is beyond is not counted.
  static constexpr std::size_t max_peers = 100'000;
  static constexpr std::size_t calls_per_address = 2;

  struct Peer {
    Address host;
    bool linked = false;  // else only its word is known
    bool lacked = false;  // pieces, when we saw it
    bool sent_to = false;
    bool has_all = false, says_all = false;
    bool counted = false;
  };
  Peer* known(const PeerId& peer, const Address& from);
  bool decide(Peer& peer);

  const std::uint32_t pieces_;
  std::map<PeerId, Peer> peers_;
  std::set<Address> believed_;             // an address that counted without more
  std::map<Address, std::size_t> called_;  // how often
  std::size_t count_ = 0;
};

}  // namespace barter::cli
