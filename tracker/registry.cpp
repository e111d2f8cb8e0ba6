#include "tracker/registry.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>

#include "tracker/hand_out.hpp"
#include "tracker/members.hpp"
#include "tracker/source_counts.hpp"

namespace barter::tracker {
namespace {

struct Swarm {
  WireInfoHash info_hash;
  std::uint32_t downloaded = 0;  // members that completed, ever
  std::uint32_t last_seen = 0;   // the latest announce
  // No member was heard before this; may be too early, never too late.
  std::uint32_t oldest_seen = 0;
  bool returned = false;  // its source has come back to it
  // While a single host has announced it, that host; 0 afterwards.
  SourceCounts::Source source = 0;
  Members<4, 3> v4;
  Members<16, 1> v6;

  std::uint32_t size() const { return v4.size() + v6.size(); }
  std::uint32_t count(Role role) const { return v4.count(role) + v6.count(role); }
};

// The swarms, in pages so that growing moves none, found by a keyed open-addressing index. Erasing
// moves the last swarm into the hole.
class SwarmTable {
 public:
  explicit SwarmTable(SipKey secret) : secret_(secret), index_(64) {}

  std::uint32_t size() const { return size_; }
  Swarm& operator[](std::uint32_t at) { return (*pages_[at / page_swarms])[at % page_swarms]; }

  std::optional<std::uint32_t> find(const WireInfoHash& info_hash) {
    const Slot wanted = slot_for(info_hash, 0);
    for (std::size_t slot = home(wanted);; slot = next(slot)) {
      const Slot& entry = index_[slot];
      if (entry.position == 0) return std::nullopt;
      if (entry.tag == wanted.tag && (*this)[entry.position - 1].info_hash == info_hash) {
        return entry.position - 1;
      }
    }
  }

  std::uint32_t insert(const WireInfoHash& info_hash) {
    if ((size_ + 1) * std::size_t{4} > index_.size() * 3) grow_index();
    if (size_ % page_swarms == 0 && size_ / page_swarms == pages_.size()) {
      pages_.push_back(std::make_unique<Page>());
    }
    (*this)[size_].info_hash = info_hash;
    place(slot_for(info_hash, size_ + 1));
    return size_++;
  }

  void erase(std::uint32_t at) {
    const std::uint32_t last = size_ - 1;
    unplace(slot_of(at));
    if (at != last) {
      index_[slot_of(last)].position = at + 1;
      (*this)[at] = std::move((*this)[last]);
    }
    (*this)[last] = Swarm{};
    --size_;
    // One empty page is kept, so that a swarm that comes and goes at a page's edge costs nothing.
    while (pages_.size() > size_ / page_swarms + 2) pages_.pop_back();
  }

 private:
  static constexpr std::uint32_t page_swarms = 256;
  using Page = std::array<Swarm, page_swarms>;
  // The tag is enough to move a slot without touching its swarm.
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t position = 0;  // plus 1; 0 is empty
  };

  Slot slot_for(const WireInfoHash& info_hash, std::uint32_t position) const {
    return {static_cast<std::uint32_t>(siphash(secret_, info_hash.bytes)), position};
  }
  std::size_t home(const Slot& slot) const { return slot.tag & (index_.size() - 1); }
  std::size_t next(std::size_t slot) const { return (slot + 1) & (index_.size() - 1); }

  std::size_t slot_of(std::uint32_t at) {
    std::size_t slot = home(slot_for((*this)[at].info_hash, 0));
    while (index_[slot].position != at + 1) slot = next(slot);
    return slot;
  }
  void place(const Slot& entry) {
    std::size_t slot = home(entry);
    while (index_[slot].position != 0) slot = next(slot);
    index_[slot] = entry;
  }
  void unplace(std::size_t hole) {
    const std::size_t mask = index_.size() - 1;
    index_[hole] = {};
    for (std::size_t slot = next(hole); index_[slot].position != 0; slot = next(slot)) {
      if (((slot - home(index_[slot])) & mask) < ((slot - hole) & mask)) continue;
      index_[hole] = index_[slot];
      index_[slot] = {};
      hole = slot;
    }
  }
  void grow_index() {
    std::vector<Slot> old(index_.size() * 2);
    old.swap(index_);
    for (const Slot& entry : old) {
      if (entry.position != 0) place(entry);
    }
  }

  SipKey secret_;
  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<Slot> index_;
  std::uint32_t size_ = 0;
};

Role role_of(const AnnounceRequest& request) {
  // First: what a partial seed reports as left is the wanted part with
  // some clients, all with others.
  if (request.event == Event::paused) return Role::partial_seed;
  return request.left == 0 ? Role::seed : Role::downloader;
}

// aria2 with a magnet link, that does not know the size yet, says that nothing is left.
bool may_lack_metadata(const AnnounceRequest& request) {
  return request.left == 0 && request.downloaded == 0 && request.uploaded == 0 &&
         (request.event == Event::none || request.event == Event::started);
}

SipKey expanded(std::uint64_t seed) {
  Random random(seed);
  const std::uint64_t low = random.next();
  return {low, random.next()};
}

}  // namespace

class Registry::Impl {
 public:
  Impl(RegistryConfig config, std::uint64_t key)
      : config_(config), secret_(expanded(key)), swarms_(secret_) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(config.expires_after).count();
    expires_after_ = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(seconds, 1, std::numeric_limits<std::int32_t>::max()));
  }

  void set_allowed(std::vector<WireInfoHash> allowed) {
    std::sort(allowed.begin(), allowed.end());
    allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
    allowed_ = std::move(allowed);
    for (std::uint32_t at = swarms_.size(); at-- > 0;) {
      if (!is_allowed(swarms_[at].info_hash)) erase_swarm(at);
    }
    next_expiry_ = 0;
  }

  Announced announce(const AnnounceRequest& request, const Endpoint& peer, TimePoint now,
                     Random& random, std::vector<Endpoint>& peers) {
    ++stats_.announces;
    Announced out;
    out.interval = config_.interval;
    if (config_.interval_jitter != 0) {
      out.interval +=
          static_cast<std::uint32_t>(random.below(config_.interval_jitter + std::uint64_t{1}));
    }
    out.min_interval = config_.min_interval;
    if (!is_allowed(request.info_hash)) {
      ++stats_.refused;
      out.refused = Refusal::not_listed;
      return out;
    }
    const std::uint32_t second = to_second(now);
    auto at = swarms_.find(request.info_hash);
    if (at) expire_members(swarms_[*at], second);
    if (request.event == Event::stopped) {
      if (at) remove_member(*at, peer, out);
      return out;
    }
    if (at) {
      note_source(swarms_[*at], peer, second);
    } else {
      const SourceCounts::Source source = source_of(peer);
      if (is_full() && !make_room(source, request.info_hash, random)) return refused(out);
      at = swarms_.insert(request.info_hash);
      swarms_[*at].source = source;
      sources_.add(source);
    }
    auto position = update_member(swarms_[*at], request, peer, second, out);
    if (!position && make_room(source_of(peer), request.info_hash, random)) {
      at = swarms_.find(request.info_hash);  // it may have moved
      position = update_member(swarms_[*at], request, peer, second, out);
    }
    if (!position) return refused(out);
    Swarm& swarm = swarms_[*at];
    out.complete = swarm.count(Role::seed);
    out.incomplete = swarm.size() - out.complete;
    // A seed that begins looks the same as aria2 with a magnet: this
    // once, it is told of seeds, too.
    const bool begins = may_lack_metadata(request) && request.event == Event::started;
    const Role role = begins ? Role::downloader : role_at(swarm, peer, *position);
    const std::size_t before = peers.size();
    hand_out(swarm, role, peer, *position, wanted(request), random, peers);
    if (request.event == Event::started && peers.size() == before)
      out.min_interval = std::min(out.min_interval, config_.first_min_interval);
    return out;
  }

  ScrapeEntry scrape(const WireInfoHash& info_hash, TimePoint now) {
    ++stats_.scrapes;
    ScrapeEntry out;
    out.info_hash = info_hash;
    const auto at = swarms_.find(info_hash);
    if (!at) return out;
    Swarm& swarm = swarms_[*at];
    expire_members(swarm, to_second(now));
    out.complete = swarm.count(Role::seed);
    out.downloaded = swarm.downloaded;
    out.downloaders = swarm.count(Role::downloader);
    out.incomplete = swarm.size() - out.complete;
    return out;
  }

  bool expire(TimePoint now, std::size_t max_swarms) {
    const std::uint32_t second = to_second(now);
    for (; max_swarms > 0 && next_expiry_ < swarms_.size(); --max_swarms) {
      Swarm& swarm = swarms_[next_expiry_];
      expire_members(swarm, second);
      // A swarm without members is kept for its count of completions, as long as a member would be.
      const bool counts = swarm.downloaded != 0 && !is_silent(swarm.last_seen, second);
      const bool listed = allowed_ && swarm.downloaded != 0;
      if (swarm.size() == 0 && !counts && !listed) {
        erase_swarm(next_expiry_);  // another one is here now
      } else {
        ++next_expiry_;
      }
    }
    if (next_expiry_ < swarms_.size()) return false;
    next_expiry_ = 0;
    return true;
  }

  RegistryStats stats() const {
    RegistryStats out = stats_;
    out.swarms = swarms_.size();
    return out;
  }

 private:
  bool is_allowed(const WireInfoHash& info_hash) const {
    return !allowed_ || std::binary_search(allowed_->begin(), allowed_->end(), info_hash);
  }

  // Seconds since the first time ever given, plus one.
  std::uint32_t to_second(TimePoint now) {
    if (!epoch_) epoch_ = now;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now - *epoch_).count();
    return static_cast<std::uint32_t>(std::max<std::int64_t>(seconds, 0) + 1);
  }
  bool is_silent(std::uint32_t last_seen, std::uint32_t second) const {
    return second > last_seen && second - last_seen > expires_after_;
  }

  std::uint32_t wanted(const AnnounceRequest& request) const {
    return std::min(request.peers_wanted.value_or(config_.default_peers), config_.max_peers);
  }

  template <class Members>
  void erase_member(Members& members, std::uint32_t at) {
    if (members.role_at(at) == Role::seed) --stats_.seeds;
    --stats_.members;
    members.erase(at, secret_);
  }

  template <class Members>
  void expire_members(Members& members, std::uint32_t second, std::uint32_t& oldest) {
    // Backwards: erase() fills the hole with members that have been looked at.
    for (std::uint32_t at = members.size(); at-- > 0;) {
      const std::uint32_t last_seen = members[at].last_seen;
      if (is_silent(last_seen, second)) {
        erase_member(members, at);
        ++stats_.expired;
      } else {
        oldest = std::min(oldest, last_seen);
      }
    }
  }

  // Looks at each member only when one may be due, so a touched swarm
  // is always up to date at little cost.
  void expire_members(Swarm& swarm, std::uint32_t second) {
    if (swarm.size() == 0 || !is_silent(swarm.oldest_seen, second)) return;
    std::uint32_t oldest = second;
    expire_members(swarm.v4, second, oldest);
    expire_members(swarm.v6, second, oldest);
    swarm.oldest_seen = oldest;
  }

  void erase_swarm(std::uint32_t at) {
    stats_.members -= swarms_[at].size();
    stats_.seeds -= swarms_[at].count(Role::seed);
    if (swarms_[at].source != 0) sources_.remove(swarms_[at].source);
    swarms_.erase(at);
  }

  Announced refused(Announced out) {
    ++stats_.refused;
    out.refused = Refusal::full;
    return out;
  }
  bool is_full() const {
    return swarms_.size() >= config_.max_swarms || stats_.members >= config_.max_members;
  }

  SourceCounts::Source source_of(const Endpoint& peer) const {
    const std::uint64_t host = peer.address.is_v4()
                                   ? MemberRecord<4>::host_of(MemberRecord<4>::key_of(peer))
                                   : MemberRecord<16>::host_of(MemberRecord<16>::key_of(peer));
    return std::max<SourceCounts::Source>(siphash(secret_, std::as_bytes(std::span(&host, 1))), 1);
  }

  // A known swarm is announced by `peer`.
  void note_source(Swarm& swarm, const Endpoint& peer, std::uint32_t second) {
    if (swarm.source == 0) return;
    if (swarm.source != source_of(peer)) {
      sources_.remove(swarm.source);
      swarm.source = 0;
    } else if (second - swarm.last_seen >= config_.min_interval) {
      swarm.returned = true;
    }
  }

  // The table is full, and `newcomer` wants more of it. Of some swarms taken by chance the one goes
  // that one host alone has announced, the host with most such swarms, and with more than the
  // newcomer would have: so nobody takes the places of all others, and nobody is driven out by one
  // who has as much. A host that comes back to its swarms counts for an eighth.
  bool make_room(SourceCounts::Source newcomer, const WireInfoHash& spared, Random& random) {
    constexpr int looked_at = 24;
    for (int round = 0; round < looked_at && is_full(); ++round) {
      const std::uint32_t least = std::max(1u, sources_.of(newcomer) + 1);
      std::optional<std::uint32_t> found;
      std::uint64_t most = 0;
      for (int i = 0; i < looked_at && swarms_.size() != 0; ++i) {
        const auto at = static_cast<std::uint32_t>(random.below(swarms_.size()));
        const Swarm& swarm = swarms_[at];
        if (swarm.source == 0 || swarm.info_hash == spared) continue;
        const std::uint32_t count = sources_.of(swarm.source);
        const std::uint64_t weight = std::uint64_t{count} * (swarm.returned ? 1 : 8);
        if (count <= least || weight <= most) continue;
        most = weight;
        found = at;
      }
      if (!found) break;
      erase_swarm(*found);
      ++stats_.evicted;
      next_expiry_ = std::min(next_expiry_, swarms_.size());
    }
    return !is_full();
  }

  // Members of that address in a swarm.
  std::uint32_t cap_of(const Address& address) const {
    const std::uint32_t cap = address.is_loopback() ? config_.members_per_loopback_address
                              : address.is_local()  ? config_.members_per_local_address
                                                    : config_.members_per_address;
    return std::max(1u, cap);
  }

  // One more of the key's host is to come: the one of it that has been silent for longest goes if
  // there are as many as may be, those first that never came back.
  template <class Members>
  void give_way(Members& members, const typename Members::Key& key, std::uint32_t most) {
    const auto rank = [&](std::uint32_t at) {
      return std::pair(members[at].returned ? 1 : 0, members[at].last_seen);
    };
    std::uint32_t count = 0;
    std::optional<std::uint32_t> stalest;
    members.for_each_of_host(key, secret_, [&](std::uint32_t at) {
      ++count;
      if (!stalest || rank(at) < rank(*stalest)) stalest = at;
    });
    if (count < most || !stalest) return;
    erase_member(members, *stalest);
    ++stats_.displaced;
  }

  void remove_member(std::uint32_t at, const Endpoint& peer, Announced& out) {
    Swarm& swarm = swarms_[at];
    const auto remove = [&](auto& members) {
      using Record = typename std::remove_reference_t<decltype(members)>::Record;
      if (const auto found = members.find(Record::key_of(peer), secret_)) {
        erase_member(members, *found);
      }
    };
    peer.address.is_v4() ? remove(swarm.v4) : remove(swarm.v6);
    out.complete = swarm.count(Role::seed);
    out.incomplete = swarm.size() - out.complete;
    if (swarm.size() == 0 && swarm.downloaded == 0) erase_swarm(at);
  }

  // Enters or renews the member; its position, or nothing where there is no room for a new one.
  std::optional<std::uint32_t> update_member(Swarm& swarm, const AnnounceRequest& request,
                                             const Endpoint& peer, std::uint32_t second,
                                             Announced& out) {
    if (peer.address.is_v4()) return update_member(swarm, swarm.v4, request, peer, second, out);
    return update_member(swarm, swarm.v6, request, peer, second, out);
  }

  template <class Members>
  std::optional<std::uint32_t> update_member(Swarm& swarm, Members& members,
                                             const AnnounceRequest& request, const Endpoint& peer,
                                             std::uint32_t second, Announced& out) {
    using Record = typename Members::Record;
    const auto key = Record::key_of(peer);
    auto at = members.find(key, secret_);
    // A seed begins with `started`; one that does not, as after our restart, has mostly given
    // something. So without that event it is counted as a downloader.
    const bool unsure =
        may_lack_metadata(request) && request.event == Event::none && (!at || members[*at].unsure);
    const Role role = unsure ? Role::downloader : role_of(request);
    const bool was_seed = at && members.role_at(*at) == Role::seed;
    if (at) {
      if (was_seed != (role == Role::seed)) was_seed ? --stats_.seeds : ++stats_.seeds;
      at = members.set_role(*at, role, secret_);
    } else {
      give_way(members, key, cap_of(peer.address));
      if (stats_.members >= config_.max_members) return std::nullopt;
      if (swarm.size() == 0) swarm.oldest_seen = second;
      at = members.insert(Record{.key = key}, role, secret_);
      ++stats_.members;
      if (role == Role::seed) ++stats_.seeds;
    }
    Record& record = members[*at];
    if (record.last_seen != 0 && second - record.last_seen >= config_.min_interval) {
      record.returned = true;
    }
    record.last_seen = second;
    record.unsure = unsure;
    swarm.last_seen = second;
    if (request.event == Event::completed && role == Role::seed && !was_seed && !record.counted) {
      record.counted = true;
      ++swarm.downloaded;
      ++stats_.completed;
      out.newly_completed = true;
    }
    return at;
  }

  static Role role_at(const Swarm& swarm, const Endpoint& peer, std::uint32_t position) {
    return peer.address.is_v4() ? swarm.v4.role_at(position) : swarm.v6.role_at(position);
  }

  // The asker's own family first. What is missing comes from the other: the asker may well reach
  // it, and a small swarm must not fall in two.
  void hand_out(const Swarm& swarm, Role role, const Endpoint& asker, std::uint32_t position,
                std::uint32_t wanted, Random& random, std::vector<Endpoint>& peers) {
    hand_out_.begin(wanted, config_.peers_per_address, peers);
    if (asker.address.is_v4()) {
      hand_out_.add(swarm.v4, role, position, random);
      hand_out_.add(swarm.v6, role, nobody, random);
    } else {
      hand_out_.add(swarm.v6, role, position, random);
      hand_out_.add(swarm.v4, role, nobody, random);
    }
    hand_out_.fill_up();
  }

  RegistryConfig config_;
  std::uint32_t expires_after_ = 0;  // seconds
  SipKey secret_;
  SwarmTable swarms_;
  SourceCounts sources_;  // swarms announced by one host alone
  HandOut hand_out_;
  std::optional<std::vector<WireInfoHash>> allowed_;  // sorted
  std::optional<TimePoint> epoch_;
  std::uint32_t next_expiry_ = 0;  // the swarm that expire() looks at next
  RegistryStats stats_;            // but for `swarms`
};

Registry::Registry(RegistryConfig config, std::uint64_t key)
    : impl_(std::make_unique<Impl>(config, key)) {}
Registry::~Registry() = default;
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;

void Registry::set_allowed(std::vector<WireInfoHash> allowed) {
  impl_->set_allowed(std::move(allowed));
}

Registry::Announced Registry::announce(const AnnounceRequest& request, const Endpoint& peer,
                                       TimePoint now, Random& random,
                                       std::vector<Endpoint>& peers) {
  return impl_->announce(request, peer, now, random, peers);
}

ScrapeEntry Registry::scrape(const WireInfoHash& info_hash, TimePoint now) {
  return impl_->scrape(info_hash, now);
}

bool Registry::expire(TimePoint now, std::size_t max_swarms) {
  return impl_->expire(now, max_swarms);
}

RegistryStats Registry::stats() const {
  return impl_->stats();
}

}  // namespace barter::tracker
