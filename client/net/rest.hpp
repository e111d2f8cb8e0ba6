// When a torrent that may be parked comes to rest, and what it leaves then.
#pragma once

#include <vector>

#include "chunkstore/store.hpp"
#include "client/swarm/standing.hpp"
#include "torrent/time.hpp"

namespace barter::net {

// What lasts: enough to go on as if nothing had happened.
struct Rest {
  Standing standing;
  std::vector<VerifiedFile> files;  // how they look
};

// How long there has been nobody. A torrent that has just been called is called again soon, mostly.
class RestClock {
 public:
  static constexpr Duration patience = std::chrono::seconds(15);

  // Called every second. True when there has been nobody for so long.
  bool is_over(bool somebody, TimePoint now) {
    if (somebody) {
      since_ = never;
    } else if (since_ == never) {
      since_ = now;
    }
    return since_ != never && now - since_ >= patience;
  }

 private:
  TimePoint since_ = never;
};

}  // namespace barter::net
