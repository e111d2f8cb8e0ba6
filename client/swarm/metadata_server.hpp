// MetadataServer: answers one peer's requests for the info dictionary (BEP 9), 16 KiB at a
// time, so that others can use our magnet links. The dictionary itself is the Metainfo's.
// Whoever asks faster than it may, or than it reads, waits: to most clients a reject says that
// we do not have the piece, and they rest for a second or leave. Some ask for all pieces at
// once. A value without I/O; time is an argument. Owned by a Peer.
//
//   if (!server.ask(piece, info.size())) send(MetadataReject);
//   while (server.ready_at() <= now) send(server.next(info, id, now));
//   // and again at ready_at(), and when it is all written: server.flushed()
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
  // Requests; beyond, they are rejected. All of the largest dictionary.
  static constexpr std::size_t max_waiting = 2048;
  // Bytes that the peer has not read, as far as we know.
  static constexpr std::uint64_t max_unsent = 1 << 20;
  // The first copy of the dictionary, and so much on top, is sent as fast as the peer reads; what
  // is asked again, at this rate. In bytes, and bytes per second.
  static constexpr std::uint64_t burst = 4 << 20, rate = 1 << 20;

  // False: there is no such piece, or too many requests wait.
  bool ask(std::uint32_t piece, std::uint64_t info_size);
  // When the next one may be answered; `never` while none waits, or before flushed().
  TimePoint ready_at() const {
    return waiting_.empty() || unsent_ >= max_unsent ? never : limiter_.ready_at();
  }
  // The answer to the first that waits; not before ready_at(). `id` is the number by which the peer
  // wants to be sent ut_metadata.
  wire::MetadataData next(std::string_view info, std::uint8_t id, TimePoint now);
  // All that was sent has left for the peer.
  void flushed() { unsent_ = 0; }

 private:
  std::deque<std::uint32_t> waiting_;
  std::uint64_t sent_ = 0, unsent_ = 0;  // bytes
  RateLimiter limiter_;
};

}  // namespace barter
