// Members: the members of one swarm in one address family, as the registry keeps them: small
// records in one array, ordered by what they are (downloaders, partial seeds, seeds), so that any
// random choice among some of them is a choice of positions. A few live inline; many get an index
// by host, in which all members of one host lie in one run.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/siphash.hpp"

namespace barter::tracker {

// What a member is to the others, in the order of the array. BEP 21: a partial seed counts as
// incomplete but downloads nothing more.
enum class Role : std::uint8_t { downloader, partial_seed, seed };

// A member: address and port in wire order, and when it was last
// heard. 12 bytes for IPv4, 24 for IPv6.
template <std::size_t AddressBytes>
struct MemberRecord {
  using Key = std::array<std::uint8_t, AddressBytes + 2>;
  Key key{};
  bool counted : 1 = false;     // its `completed` has been counted
  bool unsure : 1 = false;      // it may be a seed, or one that does not know what it lacks
  bool returned : 1 = false;    // it has announced again after a while
  std::uint32_t last_seen = 0;  // seconds of the registry's clock

  static Key key_of(const Endpoint& peer) {
    Key out{};
    if constexpr (AddressBytes == 4) {
      const auto bytes = peer.address.v4_bytes();
      std::copy(bytes.begin(), bytes.end(), out.begin());
    } else {
      const auto bytes = peer.address.v6_bytes();
      std::copy(bytes.begin(), bytes.end(), out.begin());
    }
    out[AddressBytes] = static_cast<std::uint8_t>(peer.port >> 8);
    out[AddressBytes + 1] = static_cast<std::uint8_t>(peer.port);
    return out;
  }
  // Who is behind it, as a number: the address; of an IPv6 address outside local networks its /64,
  // of which a single machine has all. (Local IPv6 addresses may collide: then two count as one.)
  static std::uint64_t host_of(const Key& key) {
    if constexpr (AddressBytes == 4) {
      std::uint32_t address = 0;
      std::memcpy(&address, key.data(), sizeof address);
      return std::uint64_t{0xffff} << 48 | address;
    } else {
      std::uint64_t network = 0, interface = 0;
      std::memcpy(&network, key.data(), sizeof network);
      std::memcpy(&interface, key.data() + sizeof network, sizeof interface);
      const bool is_private = (key[0] & 0xfe) == 0xfc;
      const bool is_link_local = key[0] == 0xfe && (key[1] & 0xc0) == 0x80;
      const bool shared = is_private || is_link_local || network == 0;  // such as ::1
      return shared ? network * 0x9e3779b97f4a7c15 + interface : network;
    }
  }
  std::uint64_t host() const { return host_of(key); }
  Endpoint endpoint() const {
    std::array<std::uint8_t, AddressBytes> address{};
    std::copy_n(key.begin(), AddressBytes, address.begin());
    const auto port = static_cast<std::uint16_t>(key[AddressBytes] << 8 | key[AddressBytes + 1]);
    if constexpr (AddressBytes == 4) {
      return {Address::v4(address), port};
    } else {
      return {Address::v6(address), port};
    }
  }
};
static_assert(sizeof(MemberRecord<4>) == 12 && sizeof(MemberRecord<16>) == 24);

template <std::size_t AddressBytes, std::size_t inline_members>
class Members {
 public:
  using Record = MemberRecord<AddressBytes>;
  using Key = typename Record::Key;
  using Position = std::uint32_t;

  std::uint32_t size() const { return size_; }
  // Positions [0, end_of(downloader)) are downloaders, and so on.
  std::uint32_t end_of(Role role) const {
    if (role == Role::downloader) return downloaders_;
    return role == Role::partial_seed ? downloaders_ + partial_seeds_ : size_;
  }
  std::uint32_t count(Role role) const {
    if (role == Role::downloader) return downloaders_;
    return role == Role::partial_seed ? partial_seeds_ : size_ - downloaders_ - partial_seeds_;
  }
  Role role_at(Position at) const {
    if (at < downloaders_) return Role::downloader;
    return at < downloaders_ + partial_seeds_ ? Role::partial_seed : Role::seed;
  }
  Record& operator[](Position at) { return records()[at]; }
  const Record& operator[](Position at) const { return records()[at]; }

  std::optional<Position> find(const Key& key, SipKey secret) const {
    if (!heap_ || heap_->index.empty()) {
      const auto all = records().first(size_);
      const auto found =
          std::find_if(all.begin(), all.end(), [&](const Record& r) { return r.key == key; });
      if (found == all.end()) return std::nullopt;
      return static_cast<Position>(found - all.begin());
    }
    for (std::size_t slot = home(key, secret);; slot = next(slot)) {
      const std::uint32_t entry = heap_->index[slot];
      if (entry == 0) return std::nullopt;
      if (records()[entry - 1].key == key) return entry - 1;
    }
  }

  // Calls `visit` with the position of each member of that host.
  template <class Visit>
  void for_each_of_host(const Key& key, SipKey secret, Visit visit) const {
    const std::uint64_t host = Record::host_of(key);
    if (!heap_ || heap_->index.empty()) {
      for (Position at = 0; at < size_; ++at) {
        if (records()[at].host() == host) visit(at);
      }
      return;
    }
    for (std::size_t slot = home(key, secret); heap_->index[slot] != 0; slot = next(slot)) {
      const Position at = heap_->index[slot] - 1;
      if (records()[at].host() == host) visit(at);
    }
  }

  // Tells where it is now.
  Position insert(const Record& record, Role role, SipKey secret) {
    make_room(secret);
    records()[size_] = record;
    if (heap_ && !heap_->index.empty()) index_insert(size_, secret);
    ++size_;  // as a seed, and from there to its place
    return set_role(size_ - 1, role, secret);
  }

  // Moves a member to its new group, and tells where it is now: at
  // most two swaps. Positions change.
  Position set_role(Position at, Role role, SipKey secret) {
    Role current = role_at(at);
    while (current >
           role) {  // to the first of its group, which then becomes the last of the one before
      const Position first = end_of(before(current));
      swap(at, first, secret);
      at = first;
      ++size_of(before(current));
      if (current == Role::partial_seed) --partial_seeds_;
      current = before(current);
    }
    while (current < role) {
      const Position last = end_of(current) - 1;
      swap(at, last, secret);
      at = last;
      --size_of(current);
      if (current == Role::downloader) ++partial_seeds_;
      current = after(current);
    }
    return at;
  }

  // The last member takes its position, so positions change.
  void erase(Position at, SipKey secret) {
    at = set_role(at, Role::seed,
                  secret);  // out of its group: the end of the array belongs to the seeds
    swap(at, size_ - 1, secret);
    if (heap_ && !heap_->index.empty()) index_erase(size_ - 1, secret);
    --size_;
    give_room_back(secret);
  }

  // Bytes on the heap, for the statement of what a member costs.
  std::size_t heap_bytes() const {
    if (!heap_) return 0;
    return sizeof(Heap) + heap_->records.capacity() * sizeof(Record) +
           heap_->index.capacity() * sizeof(std::uint32_t);
  }

 private:
  // Below this many members a scan of the array beats an index.
  static constexpr std::uint32_t index_from = 32;

  struct Heap {
    std::vector<Record> records;
    std::vector<std::uint32_t> index;  // open addressing, linear probing: position + 1; 0 is empty
  };

  static Role before(Role role) { return static_cast<Role>(static_cast<int>(role) - 1); }
  static Role after(Role role) { return static_cast<Role>(static_cast<int>(role) + 1); }
  std::uint32_t& size_of(Role role) {
    assert(role != Role::seed);
    return role == Role::downloader ? downloaders_ : partial_seeds_;
  }

  std::span<Record> records() { return heap_ ? std::span(heap_->records) : std::span(inline_); }
  std::span<const Record> records() const {
    return heap_ ? std::span<const Record>(heap_->records) : std::span<const Record>(inline_);
  }

  void swap(Position a, Position b, SipKey secret) {
    if (a == b) return;
    if (heap_ && !heap_->index.empty()) {
      std::swap(heap_->index[slot_of(a, secret)], heap_->index[slot_of(b, secret)]);
    }
    std::swap(records()[a], records()[b]);
  }

  // Room for one more: the array grows by half, so that a member costs at most 18 (36) bytes of it.
  void make_room(SipKey secret) {
    if (size_ < records().size()) return;
    resize(size_ + size_ / 2 + 1, secret);
  }
  void give_room_back(SipKey secret) {
    if (!heap_ || size_ > heap_->records.size() / 3) return;
    resize(size_ <= inline_members ? 0 : size_ + size_ / 2, secret);
  }
  void resize(std::size_t capacity, SipKey secret) {
    const std::span<const Record> old = std::as_const(*this).records();
    if (capacity <= inline_members) {
      std::array<Record, inline_members> kept{};
      std::copy_n(old.begin(), size_, kept.begin());
      inline_ = kept;
      heap_.reset();
      return;
    }
    auto heap = std::make_unique<Heap>();
    heap->records.reserve(capacity);
    heap->records.assign(old.begin(), old.begin() + size_);
    heap->records.resize(capacity);
    heap_ = std::move(heap);
    if (capacity >= index_from) {
      std::size_t slots = 64;
      while (slots * 3 < capacity * 4) slots *= 2;  // at most three quarters full
      heap_->index.assign(slots, 0);
      for (Position at = 0; at < size_; ++at) index_insert(at, secret);
    }
  }

  std::size_t home(const Key& key, SipKey secret) const {
    const std::uint64_t host = Record::host_of(key);
    return siphash(secret, std::as_bytes(std::span(&host, 1))) & (heap_->index.size() - 1);
  }
  std::size_t next(std::size_t slot) const { return (slot + 1) & (heap_->index.size() - 1); }
  std::size_t slot_of(Position at, SipKey secret) const {
    std::size_t slot = home(heap_->records[at].key, secret);
    while (heap_->index[slot] != at + 1) slot = next(slot);
    return slot;
  }
  void index_insert(Position at, SipKey secret) {
    std::size_t slot = home(heap_->records[at].key, secret);
    while (heap_->index[slot] != 0) slot = next(slot);
    heap_->index[slot] = at + 1;
  }
  // Without tombstones: entries behind the hole that may move into it do.
  void index_erase(Position at, SipKey secret) {
    std::size_t hole = slot_of(at, secret);
    heap_->index[hole] = 0;
    for (std::size_t slot = next(hole); heap_->index[slot] != 0; slot = next(slot)) {
      const std::size_t mask = heap_->index.size() - 1;
      const std::size_t wanted = home(heap_->records[heap_->index[slot] - 1].key, secret);
      if (((slot - wanted) & mask) < ((slot - hole) & mask)) continue;
      heap_->index[hole] = heap_->index[slot];
      heap_->index[slot] = 0;
      hole = slot;
    }
  }

  std::uint32_t size_ = 0, downloaders_ = 0, partial_seeds_ = 0;
  std::array<Record, inline_members> inline_{};
  std::unique_ptr<Heap> heap_;
};

}  // namespace barter::tracker
