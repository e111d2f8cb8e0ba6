// Copies: which peers have everything that a share gives, for `--copies`. Anybody may tell a
// tracker that he has it, so that alone counts for nothing. A peer counts once a link with it
// shows that it has every piece, whether it fetched them here or came with them, or once it tells
// the tracker that it completed after we sent it something over a link. Whoever shows all pieces
// may still lie. So an address (of IPv6 a /64) is believed once; further peers behind it count only
// if we sent them something. In local networks, where the peers of a crowd may get all from each
// other, a link and the word to the tracker, or a link on which pieces were seen to come, are
// enough, and those who came with everything are told apart by the port at which they are reached.
//
// Each counts once: by its peer id, and, after a restart of its program or of the share, by its
// address and that port. One torrent; no sockets, no clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"

namespace barter::cli {

// One that has everything.
struct Copy {
  Address address;
  std::uint16_t port = 0;  // where it is reached; 0: not known
  PeerId id;
  std::chrono::system_clock::time_point since;  // when that was seen
};

class Copies {
 public:
  using Time = std::chrono::system_clock::time_point;

  explicit Copies(std::uint32_t pieces) : pieces_(pieces) {}

  // Those of earlier runs, before anything else.
  void restore(const std::vector<Copy>& copies);

  // A link as it is, or was at its end; `port` is where the peer is reached, if the link tells
  // that. All that return bool are true if that makes a copy more.
  bool saw_link(const PeerId& peer, const Address& from, std::uint32_t pieces,
                std::uint64_t uploaded, std::uint16_t port = 0, Time now = {});
  // The tracker hears from there that it has completed.
  bool heard_completed(const PeerId& peer, const Address& from, Time now = {});
  // The tracker hears from there, whatever it says: it is reached at this port.
  bool heard(const PeerId& peer, const Endpoint& at, Time now = {});
  // Should we call one who says that it has everything, to see for
  // ourselves? Not often for one address.
  bool worth_a_call(const PeerId& peer, const Endpoint& at);

  std::size_t count() const { return copies_.size(); }
  const std::vector<Copy>& copies() const { return copies_; }  // in the order of their counting

 private:
  // Peers and addresses that are kept; what is beyond is not counted. Of one host that many of whom
  // only the tracker has heard.
  static constexpr std::size_t max_peers = 100'000, heard_per_host = 1000;
  static constexpr std::size_t calls_per_address = 2, calls_per_local_address = 50;

  struct Peer {
    Address host, address;
    std::uint16_t port = 0;
    bool linked = false;  // else only its word is known
    bool lacked = false;  // pieces, when we saw it
    bool sent_to = false;
    bool has_all = false, says_all = false;
    bool counted = false;
  };
  Peer* known(const PeerId& peer, const Address& from);
  bool decide(const PeerId& id, Peer& peer, Time now);
  bool is_counted(const Peer& peer);

  const std::uint32_t pieces_;
  std::map<PeerId, Peer> peers_;
  std::map<Address, std::size_t> heard_;   // peers of a host that are not linked
  std::set<Address> believed_;             // an address that counted without more
  std::map<Address, std::size_t> called_;  // how often
  std::vector<Copy> copies_;
};

}  // namespace barter::cli
