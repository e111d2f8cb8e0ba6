// Trials: the price of being new where wrong pieces came from. A peer id and a port cost nothing,
// so whoever is banned can come again as somebody else. A newcomer of such a host must bring right
// pieces before it is treated as others are: of each host one newcomer at a time is asked for one
// piece, that nobody else has a part in, and what it must bring, and the pauses between, grow with
// each wrong piece. Where many hosts have sent wrong pieces it holds for strangers from anywhere.
// Capped: the host that offended longest ago is forgotten first. Owned by a Swarm.
#pragma once

#include <cstdint>
#include <vector>

#include "client/swarm/config.hpp"
#include "torrent/endpoint.hpp"

namespace barter {

class Trials {
 public:
  // A peer there has sent wrong data.
  void offended(const Address& address, const SwarmConfig& config, TimePoint now);
  bool clean() const { return total_ == 0; }
  // Must all strangers be tried one after the other, whatever their host?
  bool everywhere() const { return total_ >= offences_of_many; }
  // How many right pieces a newcomer must bring; 0: it is treated as everybody.
  std::uint32_t price(const Address& address) const;
  // When the next newcomer may be tried.
  TimePoint next_at(const Address& address) const;
  // How long a peer is banned that has just offended, if there is nobody else.
  Duration ban(const Address& address, const SwarmConfig& config) const;

 private:
  static constexpr std::size_t max_hosts = 256;
  static constexpr std::uint32_t offences_of_many = 8, highest_price = 8;
  struct Host {
    Address address;
    std::uint32_t offences = 0;
    TimePoint next_at{};
  };
  const Host* find(const Address& address) const;

  std::vector<Host> hosts_;  // who offended last is last
  std::uint32_t total_ = 0;
  TimePoint next_anywhere_{};
};

}  // namespace barter
