// Bans: who may not come back: by peer id, and by address, except where many share one (loopback
// and private networks): there by the exact endpoint. A ban has an end, which counts only where
// there is nobody else (`pardon`). Capped; the oldest ban is forgotten first. Owned by a Swarm.
#pragma once

#include <algorithm>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/time.hpp"

namespace barter {

class Bans {
 public:
  // False if nothing of it is new.
  bool add(const PeerId& peer_id, const Endpoint& remote, const Endpoint& listen,
           TimePoint until = never) {
    const Ban ban{peer_id, place_of(remote.address.is_local() ? listen : remote), until};
    const bool known_id = banned(ban.peer_id);
    const bool known_place = std::any_of(bans_.begin(), bans_.end(),
                                         [&](const Ban& one) { return one.place == ban.place; });
    if (known_id && known_place) return false;
    if (bans_.size() == max_bans) bans_.erase(bans_.begin());
    bans_.push_back(ban);
    return true;
  }
  // `pardon`: bans that end by then do not count.
  bool banned(const PeerId& peer_id, TimePoint pardon = TimePoint::min()) const {
    return std::any_of(bans_.begin(), bans_.end(), [&](const Ban& ban) {
      return ban.until > pardon && ban.peer_id == peer_id;
    });
  }
  bool banned(const Endpoint& endpoint, TimePoint pardon = TimePoint::min()) const {
    return until(endpoint) > pardon;
  }
  // When the last ban of that place ends; TimePoint::min() if there is none.
  TimePoint until(const Endpoint& endpoint) const {
    TimePoint out = TimePoint::min();
    for (const Ban& ban : bans_)
      if (ban.place == place_of(endpoint)) out = std::max(out, ban.until);
    return out;
  }
  // One of them has come again, and is not banned any more.
  void lift(const PeerId& peer_id, const Endpoint& endpoint) {
    std::erase_if(bans_, [&](const Ban& ban) {
      return ban.peer_id == peer_id || ban.place == place_of(endpoint);
    });
  }

 private:
  static constexpr std::size_t max_bans = 1000;
  struct Ban {
    PeerId peer_id;
    Endpoint place;
    TimePoint until = never;
  };

  static Endpoint place_of(const Endpoint& endpoint) {
    return endpoint.address.is_local() ? endpoint : Endpoint{endpoint.address, 0};
  }

  std::vector<Ban> bans_;
};

}  // namespace barter
