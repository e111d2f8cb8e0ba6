// Usage: what became of a node's uplink over time: busy, or idle for a stated reason. A value type;
// time is an argument.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "torrent/time.hpp"

namespace barter::sim {

// Why an uplink stands still, the first that holds.
enum class Idle : std::uint8_t {
  window,         // TCP: blocks wait in a socket for acknowledgements
  receiver_full,  // blocks wait, and the downlinks they go to are full
  no_peers,       // there is no link
  no_piece,       // nothing to give yet
  not_wanted,     // no peer is interested
  choked,         // some are interested, and all of them are choked
  limit,          // the user's
  no_requests,    // unchoked peers are interested, and ask for nothing
};
inline constexpr std::size_t idle_reasons = 8;
std::string_view to_string(Idle reason);

class Usage {
 public:
  // The node has come, or gone.
  void begin(TimePoint now) {
    counting_ = true;
    until_ = now;
  }
  void end(TimePoint now, TimePoint busy_until) {
    advance(now, busy_until);
    counting_ = false;
  }
  // Charges the time since the last call: up to `busy_until` it was
  // used, then idle for the reason in force.
  void advance(TimePoint now, TimePoint busy_until) {
    if (!counting_ || now <= until_) return;
    const TimePoint idle_from = busy_until < until_ ? until_ : busy_until;
    if (idle_from < now) idle_[static_cast<std::size_t>(reason_)] += now - idle_from;
    online_ += now - until_;
    until_ = now;
  }
  void set_reason(Idle reason) { reason_ = reason; }

  Duration online() const { return online_; }
  Duration idle(Idle reason) const { return idle_[static_cast<std::size_t>(reason)]; }
  Duration idle() const {
    Duration sum{};
    for (const Duration one : idle_) sum += one;
    return sum;
  }

 private:
  std::array<Duration, idle_reasons> idle_{};
  Duration online_{};
  TimePoint until_{};
  Idle reason_ = Idle::no_peers;
  bool counting_ = false;
};

}  // namespace barter::sim
