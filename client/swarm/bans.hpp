// Bans: who may not come back: by peer id, and by address, except where many share one (loopback
// and private networks): there by the exact endpoint. Capped; the oldest ban is forgotten first.
// Owned by a Swarm.
#pragma once

#include <algorithm>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"

namespace barter {

class Bans {
 public:
  // False if nothing of it is new.
  bool add(const PeerId& peer_id, const Endpoint& remote, const Endpoint& listen) {
    const bool new_id = push(peer_ids_, peer_id);
    const bool new_place = remote.address.is_local() ? push(endpoints_, listen)
                                                     : push(addresses_, remote.address);
    return new_id || new_place;
  }
  bool banned(const PeerId& peer_id) const { return holds(peer_ids_, peer_id); }
  bool banned(const Endpoint& endpoint) const {
    return holds(addresses_, endpoint.address) || holds(endpoints_, endpoint);
  }

 private:
  static constexpr std::size_t max_bans = 1000;

  template <class T>
  static bool holds(const std::vector<T>& list, const T& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
  }
  template <class T>
  static bool push(std::vector<T>& list, const T& value) {
    if (holds(list, value)) return false;
    if (list.size() == max_bans) list.erase(list.begin());
    list.push_back(value);
    return true;
  }

  std::vector<PeerId> peer_ids_;
  std::vector<Address> addresses_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace barter
