// HandOut: which members an asker is told of: a random choice in which one host has few places, so
// that who announces many addresses of his own does not fill the answers; unless nobody else is
// left, as among many peers behind one address. Kept between answers for its memory. One owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/random.hpp"
#include "tracker/members.hpp"

namespace barter::tracker {

// No position: nobody is left out of a choice.
constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

class HandOut {
 public:
  // Of at most `wanted` peers, appended to `peers`, which outlives the answer.
  void begin(std::uint32_t wanted, std::uint32_t per_host, std::vector<Endpoint>& peers) {
    peers_ = &peers;
    before_ = peers.size();
    wanted_ = wanted;
    per_host_ = std::max(1u, per_host);
    spare_.clear();
  }

  // Members of use to one of that role, without the one at `asker`.
  template <class Members>
  void add(const Members& members, Role role, std::uint32_t asker, Random& random) {
    // Whoever downloads nothing more (a seed, or a partial seed) has no use for others of his kind.
    const std::uint32_t end =
        role == Role::downloader ? members.size() : members.end_of(Role::downloader);
    const std::uint32_t range = end - (asker < end ? 1 : 0);
    const std::size_t peers_before = peers_->size(), spare_before = spare_.size();
    const std::uint32_t wanted = missing();
    // Where hosts come several times, more are drawn, so that others are found.
    for (const std::uint32_t draws : {wanted, std::min(std::max(4 * wanted, 64u), range)}) {
      peers_->resize(peers_before);
      spare_.resize(spare_before);
      begin_counting(draws);
      choose(end, asker, draws, random, [&](std::uint32_t at) {
        if (missing() == 0) return;
        const auto& member = members[at];
        const bool fits = count(member.host()) <= per_host_;
        (fits ? *peers_ : spare_).push_back(member.endpoint());
      });
      if (missing() == 0 || range <= draws) return;
    }
  }

  // Nobody else is left: what one host has beyond its places.
  void fill_up() {
    const std::size_t count = std::min<std::size_t>(missing(), spare_.size());
    peers_->insert(peers_->end(), spare_.begin(),
                   spare_.begin() + static_cast<std::ptrdiff_t>(count));
  }

 private:
  struct Slot {
    std::uint64_t host = 0;
    std::uint32_t round = 0;  // of another one: empty
    std::uint32_t count = 0;
  };

  std::uint32_t missing() const {
    return wanted_ - static_cast<std::uint32_t>(peers_->size() - before_);
  }

  void begin_counting(std::uint32_t hosts) {
    std::size_t size = 64;
    while (size < 2 * std::size_t{hosts}) size *= 2;
    if (hosts_.size() < size) hosts_.assign(size, {});
    if (++round_ == 0) {
      std::fill(hosts_.begin(), hosts_.end(), Slot{});
      round_ = 1;
    }
  }
  // How often it has come in this round, now included.
  std::uint32_t count(std::uint64_t host) {
    const std::size_t mask = hosts_.size() - 1;
    for (std::size_t at = host * 0x9e3779b97f4a7c15 >> 40;; ++at) {
      Slot& slot = hosts_[at & mask];
      if (slot.round != round_) slot = {host, round_, 0};
      if (slot.host == host) return ++slot.count;
    }
  }

  // `count` different positions of [0, end), without `skipped`, uniformly, in random order, in
  // O(count) (R. W. Floyd's sampling; a position of the virtual range without `skipped` is mapped
  // back at the end).
  template <class Emit>
  void choose(std::uint32_t end, std::uint32_t skipped, std::uint32_t count, Random& random,
              Emit emit) {
    const std::uint32_t range = end - (skipped < end ? 1 : 0);
    count = std::min(count, range);
    chosen_.clear();
    std::size_t slots = 4;
    while (slots < 2 * std::size_t{count}) slots *= 2;
    seen_.assign(slots, 0);  // open addressing: value + 1, 0 is empty
    const auto add = [&](std::uint32_t value) {
      for (std::size_t slot = value & (slots - 1);; slot = (slot + 1) & (slots - 1)) {
        if (seen_[slot] == value + 1) return false;
        if (seen_[slot] != 0) continue;
        seen_[slot] = value + 1;
        chosen_.push_back(value);
        return true;
      }
    };
    for (std::uint32_t i = range - count; i < range; ++i) {
      if (!add(static_cast<std::uint32_t>(random.below(i + std::uint64_t{1})))) add(i);
    }
    random.shuffle(chosen_);
    for (const std::uint32_t value : chosen_) emit(value >= skipped ? value + 1 : value);
  }

  std::vector<Endpoint>* peers_ = nullptr;
  std::size_t before_ = 0;  // what `peers_` held at the beginning
  std::uint32_t wanted_ = 0, per_host_ = 1;
  std::vector<Endpoint> spare_;
  std::vector<Slot> hosts_;  // open addressing
  std::uint32_t round_ = 0;
  std::vector<std::uint32_t> chosen_, seen_;
};

}  // namespace barter::tracker
