// PeerExchange: whom we tell peers of (BEP 11), and how far we believe what they tell us.
//
// Telling: a roster of the peers that we are connected to, with the number of the event by which
// each came or left. Of a peer that listens we keep one number, the last event that it was told of.
// Believing: what a peer names must make sense where that peer is; and who names many addresses of
// which none works is not listened to any more. Knows endpoints, not peers. Owned by a Swarm.
#pragma once

#include <cstdint>
#include <vector>

#include "client/swarm/config.hpp"
#include "client/wire/message.hpp"
#include "torrent/time.hpp"

namespace barter {

// What one peer was told, and when it may tell.
struct ExchangeState {
  std::uint64_t told = 0;     // events of the roster
  TimePoint tell_at = never;  // not before; `never`: it does not speak ut_pex
  TimePoint heard_until{};    // what it has told is paid for then, at one message an interval
  std::uint32_t excess = 0;   // messages that came too early
};

// Somebody whose word we weigh; 0 is nobody.
using ContributorId = std::uint32_t;

class PeerExchange {
 public:
  // Who is connected and can be called now.
  void update(std::vector<wire::Contact> live);
  // The number of the last event: a peer that was told of it has no news.
  std::uint64_t latest() const { return latest_; }
  // What the peer at `remote`, which listens at `listen`, has not been told, as far as one message
  // holds it; it counts as told then. Empty lists: nothing that concerns it.
  wire::PeerExchange news(ExchangeState& state, const Endpoint& remote, const Endpoint& listen,
                          const SwarmConfig& config) const;
  // Everybody was told of the events up to this one: who left by then is forgotten.
  void forget_until(std::uint64_t event);

  // A message has come.
  enum class Verdict : std::uint8_t { heed, ignore, flood };
  static Verdict heard(ExchangeState& state, const SwarmConfig& config, TimePoint now);
  // Of what the peer at `remote` names, that which may be: no junk, one port of a public address.
  static std::vector<wire::Contact> credible(const wire::PeerExchange& message,
                                             const Endpoint& remote, const SwarmConfig& config);
  // Whether the first may be reached from where the second is: loopback from the same host, private
  // addresses from private networks.
  static bool reachable_from(const Address& contact, const Address& from);

  // Whose word it is: the address, or on local networks, where many share one, the endpoint.
  ContributorId contributor(const Endpoint& remote, const Endpoint& listen);
  // An address that it had named was called for the first time. False:
  // do not listen to it any more.
  bool named(ContributorId contributor, bool right);
  bool trusted(ContributorId contributor) const;

  std::size_t size() const { return roster_.size(); }

 private:
  struct Entry {
    wire::Contact contact;
    std::uint64_t joined = 0;
    std::uint64_t left = 0;  // 0: connected
    std::uint64_t event() const { return left != 0 ? left : joined; }
  };
  struct Contributor {
    ContributorId id = 0;
    Endpoint place;
    std::uint16_t right = 0, wrong = 0;
  };
  std::vector<Contributor>::const_iterator find(ContributorId contributor) const;

  std::vector<Entry> roster_;  // by endpoint
  std::uint64_t latest_ = 0;
  std::vector<Contributor> contributors_;  // by id; the oldest goes first
  ContributorId last_contributor_ = 0;
};

}  // namespace barter
