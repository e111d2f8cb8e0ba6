#include "client/net/waiting_room.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace barter::net {

namespace {

std::uint64_t number_of(std::span<const std::uint8_t> bytes) {
  std::uint64_t out = 0;
  for (const std::uint8_t byte : bytes) out = out << 8 | byte;
  return out;
}

}  // namespace

WaitingRoom::Place WaitingRoom::enter(const Address& address, std::function<void()> close) {
  const bool v4 = address.is_v4();
  const auto v4_bytes = v4 ? address.v4_bytes() : std::array<std::uint8_t, 4>{};
  const auto v6_bytes = v4 ? std::array<std::uint8_t, 16>{} : address.v6_bytes();
  const Network network{v4, v4 ? number_of(v4_bytes) : number_of(std::span(v6_bytes).first(8))};
  const std::size_t share = address.is_local() ? options_.per_local_address : options_.per_address;
  std::function<void()> gives_way;
  Place out;
  {
    const std::lock_guard lock(mutex_);
    if (const auto count = counts_.find(network);
        count != counts_.end() && count->second >= share) {
      gives_way = take_out(std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& one) {
        return one.network == network;
      }));
    } else if (!waiting_.empty() && waiting_.size() >= options_.most) {
      gives_way = take_out(longest_of_fullest());
    }
    waiting_.push_back({network, std::move(close)});
    ++counts_[network];
    out = Place(this, std::prev(waiting_.end()));
  }
  if (gives_way) gives_way();
  return out;
}

bool WaitingRoom::make_room() {
  std::function<void()> gives_way;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return false;
    gives_way = take_out(longest_of_fullest());
  }
  gives_way();
  return true;
}

WaitingRoom::Queue::iterator WaitingRoom::longest_of_fullest() {
  auto out = waiting_.begin();
  std::size_t most = 0;
  for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
    const std::size_t count = counts_[at->network];
    if (count <= most) continue;
    most = count;
    out = at;
  }
  return out;
}

std::function<void()> WaitingRoom::take_out(Queue::iterator at) {
  auto out = std::exchange(at->close, nullptr);
  const auto count = counts_.find(at->network);
  if (--count->second == 0) counts_.erase(count);
  leaving_.splice(leaving_.end(), waiting_, at);
  return out;
}

void WaitingRoom::leave(Queue::iterator at) {
  const std::lock_guard lock(mutex_);
  if (!at->close) {
    leaving_.erase(at);
    return;
  }
  take_out(at);
  leaving_.erase(at);
}

}  // namespace barter::net
