// MetadataServer: answers one peer's requests for the info dictionary (BEP 9), 16 KiB at a time, so
// that others can use our magnet links. The dictionary itself is the Metainfo's. Whoever asks faster
// than it may waits: to most clients a reject says that we do not have the piece, and they rest for
// a second or leave. A value without I/O; time is an argument. Owned by a Peer.
//
//   if (!server.ask(piece, info.size())) send(MetadataReject);
//   while (server.ready_at() <= now) send(server.next(info, id, now));
//   // and again at ready_at()
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>

#include "client/swarm/rate_limiter.hpp"
#include "client/wire/message.hpp"

namespace barter {

class MetadataServer {
 public:
  static constexpr std::size_t max_waiting = 512;  // requests; beyond, they are rejected
  // Bytes a second: for the first copy of the dictionary after a burst that holds most of them
  // whole, and for what is asked again.
  static constexpr std::uint64_t burst = 4 << 20, first_copy_rate = 16 << 20, rate = 1 << 20;

  // False: there is no such piece, or too many requests wait.
  bool ask(std::uint32_t piece, std::uint64_t info_size);
  // When the next one may be answered; `never` while none waits.
  TimePoint ready_at() const { return waiting_.empty() ? never : limiter_.ready_at(); }
  // The answer to the first that waits; not before ready_at(). `id` is the number by which the peer
  // wants to be sent ut_metadata.
  wire::MetadataData next(std::string_view info, std::uint8_t id, TimePoint now);

 private:
  std::deque<std::uint32_t> waiting_;
  std::uint64_t sent_ = 0;  // bytes
  RateLimiter limiter_{first_copy_rate};
};

}  // namespace barter
