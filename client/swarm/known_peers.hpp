// KnownPeers: the addresses we have heard of, and which to connect to next and when. Keeps the
// back-off of each; opens nothing itself. Owned by a Swarm.
//
// Whoever names an address vouches for it as much as we know the one who names it: first come the
// user's, then the tracker's and those that were reached before, then peers that called us, last
// what is only heard of (DHT, peers, the local network). And no source can starve another:
//   calls   three quarters of those under way for the named, and for the heard-of together; half
//           for each way of hearing. What the heard-of have no use for the named may have
//   table   half for trackers, an eighth for each other source; more while there is room, and
//           whoever has more gives way first. Within a source the stalest goes
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "client/swarm/action.hpp"
#include "client/swarm/config.hpp"
#include "client/swarm/peer_exchange.hpp"
#include "torrent/random.hpp"

namespace barter {

class KnownPeers {
 public:
  // True if the address was new.
  bool add(const Endpoint& endpoint, PeerSource source, const SwarmConfig& config, TimePoint now,
           Random& random);
  // The same for one that a peer has named (BEP 11): it never takes a better one's place, one port
  // of a public address is enough, and `contributor` answers for it until it was called.
  bool add_named(const Endpoint& endpoint, ContributorId contributor, const SwarmConfig& config,
                 TimePoint now, Random& random);
  // Of those that it has named, how many nobody has called yet.
  std::size_t untried_of(ContributorId contributor) const;
  // It lies: what it has named and nobody has reached is forgotten.
  void forget_named_by(ContributorId contributor);
  std::size_t size() const { return peers_.size(); }
  // Without ourselves, and whoever is never tried again.
  std::size_t others() const;
  // How many of them hung up at the handshake when they were called last.
  std::size_t hung_up() const;

  // The best candidate whose time has come; now `busy`, and a call under way until an outcome is
  // told. `skip_seeds`: we have nothing to ask. `pardon`: those shunned until then may be tried.
  struct Candidate {
    Endpoint endpoint;
    PeerSource source{};
  };
  std::optional<Candidate> take(bool skip_seeds, const SwarmConfig& config, TimePoint now,
                                TimePoint pardon = TimePoint::min());
  // When the next candidate's time comes; `never` without one, or while those that there are must
  // wait for the end of other calls.
  TimePoint next_attempt(bool skip_seeds, const SwarmConfig& config,
                         TimePoint pardon = TimePoint::min()) const;

  // Outcomes. A busy address is not taken again. The first one returns
  // who had named it, if somebody had.
  ContributorId failed(const Endpoint& endpoint, ConnectFailure failure, const SwarmConfig& config,
                       TimePoint now, Random& random);
  ContributorId connected(const Endpoint& endpoint);
  // Its call is over, whatever becomes of the link.
  void answered(const Endpoint& endpoint);
  // `useful`: bytes flowed, so it may come back soon; `pause`: at least this long.
  void disconnected(const Endpoint& endpoint, bool useful, Duration pause,
                    const SwarmConfig& config, TimePoint now, Random& random);
  // All are worth a try now, whatever came of the last one, but for those only heard of.
  void retry_all(TimePoint now);
  void set_seed(const Endpoint& endpoint, bool seed);
  // Forgets whom only other peers or the DHT told of, but for those that are busy.
  void forget_gossip();
  // Ourselves, or somebody banned: not tried, but by a pardon after
  // that time, and not learnt again.
  void shun(const Endpoint& endpoint, TimePoint until);
  // It is as good as others again.
  void pardon(const Endpoint& endpoint);
  // When the next of those shunned could be tried; `never` without one.
  TimePoint next_pardon() const;
  // We know how others see us: order by BEP 40.
  void set_own(const Endpoint& own);

 private:
  struct Known {
    Endpoint endpoint;
    PeerSource source{};
    std::uint8_t failures = 0;
    bool busy = false;     // connecting or connected
    bool calling = false;  // connecting
    TimePoint shunned_until = TimePoint::min();
    bool seed = false;
    bool reached = false;      // was connected once
    bool hung_up = false;      // at the last call's handshake
    ContributorId named_by{};  // 0: nobody answers for it
    std::uint32_t priority = 0;
    TimePoint retry_at{};
    TimePoint heard{};
  };
  Known* find(const Endpoint& endpoint);
  static void user_insists(Known& known, const SwarmConfig& config, TimePoint now);
  bool make_room(PeerSource source);
  static bool hearsay(const Known& known);
  static int rank(const Known& known);  // lower is better
  static bool better(const Known& a, const Known& b);
  struct Calls {
    std::uint32_t named = 0, heard = 0;
    std::array<std::uint32_t, peer_sources> of{};  // hearsay, by source
    bool heard_wait = false;                       // somebody only heard of could be called
  };
  Calls calls(bool skip_seeds) const;
  static bool may_call(const Known& known, const Calls& calls, const SwarmConfig& config);

  std::vector<Known> peers_;  // by endpoint
  std::optional<Endpoint> own_;
};

}  // namespace barter
