// Sources: who sends us queries, and how much they may ask and be sent. A host that has not shown
// that it is where it says (by answering us, or with a token) is sent at most three times the bytes
// that came from it, so that nobody can use us to flood another. Bounded: the table is a cache, and
// who falls out of it begins anew. One owner, one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "dht/node_id.hpp"
#include "torrent/siphash.hpp"
#include "torrent/time.hpp"

namespace barter::dht {

class Sources {
 public:
  static constexpr std::uint64_t amplification = 3;

  // `entries`: hosts remembered; 24 bytes each, taken when the first one comes.
  Sources(std::size_t entries, std::uint32_t queries_per_second, std::uint32_t burst, SipKey key);

  // A query of so many bytes came. False: too many, drop it.
  bool query_came(const Endpoint& from, std::size_t bytes, TimePoint now);
  // It answered us, or showed a valid token.
  void proven(const Endpoint& host, TimePoint now);
  bool is_proven(const Endpoint& host, TimePoint now) const;
  // How many bytes may be sent to it now, unasked or in answer.
  std::size_t allowance(const Endpoint& to, TimePoint now) const;
  // They were sent.
  void sent(const Endpoint& to, std::size_t bytes);
  std::size_t memory_bytes() const { return entries_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    std::uint64_t host = 0;          // keyed digest; 0: free
    std::uint32_t seen = 0;          // milliseconds since the beginning, as all times here
    std::uint32_t proven_until = 0;  // 0: not proven
    std::uint32_t credit = 0;        // bytes
    std::uint32_t tokens = 0;        // queries, in thousandths
  };
  std::uint64_t digest(const Endpoint& endpoint) const;
  std::uint32_t clock(TimePoint now) const;
  const Entry* find(std::uint64_t host) const;
  Entry& take(const Endpoint& endpoint, TimePoint now);

  SipKey key_;
  std::size_t sets_;
  std::uint32_t per_second_, burst_;
  TimePoint began_{};
  std::vector<Entry> entries_;
};

}  // namespace barter::dht
