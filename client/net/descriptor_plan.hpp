// How the descriptors that the process may have are shared out. A function, no state.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace barter::net {

struct DescriptorPlan {
  std::uint32_t connections = 0;     // to peers
  std::size_t strangers = 0;         // incoming ones before the end of their handshake
  std::size_t tracker_requests = 0;  // at once
  std::size_t files = 0;             // of one torrent, kept open
  std::size_t awake = 0;             // of torrents that are parked but for the moment
};

// Of `limit` descriptors. With a thousand and more hardly anything is cut; with fewer everything
// is, in proportion, so that one torrent works with 64 of them. What is left is for listeners,
// logs, state and the files of other torrents.
inline DescriptorPlan plan_descriptors(std::uint32_t limit, std::uint32_t connections) {
  constexpr std::uint32_t fixed = 32;  // standard streams, epoll, timers, listeners, UDP, state
  const std::uint32_t rest = limit > 2 * fixed ? limit - fixed : limit / 2;
  const auto percent = [rest](std::uint32_t part, std::uint32_t most) {
    return std::clamp(rest * part / 100, 1U, std::max(most, 1U));
  };
  DescriptorPlan out;
  out.connections = percent(45, connections);
  out.strangers = percent(20, 200);
  // Dead hosts hold theirs for a while; those behind them need not wait if there are more.
  out.tracker_requests = std::min(percent(15, 400), std::max(limit / 16, 50U));
  out.files = percent(15, 64);
  out.awake = percent(20, 20'000);
  return out;
}

}  // namespace barter::net
