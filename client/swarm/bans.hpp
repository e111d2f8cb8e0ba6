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
  void add(const PeerId& peer_id, const Endpoint& remote, const Endpoint& listen) {
    push(peer_ids_, peer_id);
    if (remote.address.is_local()) {
      push(endpoints_, listen);
    } else {
      push(addresses_, remote.address);
    }
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
  static void push(std::vector<T>& list, const T& value) {
    if (holds(list, value)) return;
    if (list.size() == max_bans) list.erase(list.begin());
    list.push_back(value);
  }

  std::vector<PeerId> peer_ids_;
  std::vector<Address> addresses_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace barter
