#include "client/swarm/request_queue.hpp"

#include <algorithm>

namespace barter {

namespace {
// No sample spans less: a batch of blocks read at once would measure our own memory.
constexpr Duration shortest_span = std::chrono::microseconds(20);
constexpr Duration forget_over = std::chrono::seconds(1);
// A far peer is asked for at most so many times what is in flight.
constexpr double flights = 4;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
Duration from_seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}
}  // namespace

void RequestQueue::add(BlockRef block, TimePoint now) {
  // After a pause the pipe is empty: time without requests must not count as slowness.
  if (entries_.empty() && last_delivery_ < now) last_delivery_ = now;
  entries_.push_back({block, now, delivered_});
}

std::optional<std::size_t> RequestQueue::find(BlockRef block) const {
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].block == block) return i;
  return std::nullopt;
}

void RequestQueue::erase(std::size_t index) {
  entries_.erase(index);
  if (index < late_) --late_;
}

bool RequestQueue::delivered(BlockRef block, std::uint32_t bytes, TimePoint now,
                             const SwarmConfig& config) {
  const auto index = find(block);
  delivered_ += bytes;
  if (index) {
    const Entry entry = entries_[*index];
    erase(*index);
    sample(entry, now, config);
    grown_ += most(config) < steady_ ? 2 : 1 / (4 * most(config));
  }
  last_delivery_ = now;
  return index.has_value();
}

void RequestQueue::sample(const Entry& entry, TimePoint now, const SwarmConfig& config) {
  const Duration delay = std::max(now - entry.sent, shortest_span);
  shortest_delay_ = std::min(shortest_delay_, delay);
  const double rate = static_cast<double>(delivered_ - entry.delivered) / seconds(delay);
  if (rate >= rate_) {
    rate_ = rate;
  } else {
    const double share = std::min(1.0, seconds(now - last_delivery_) / seconds(forget_over));
    rate_ += (rate - rate_) * share;
  }
  if (!ramping_) return;
  if (delay > shortest_delay_ + shortest_delay_ / 2 + config.request_horizon) {
    ramping_ = false;  // requests wait at the peer: there are enough of them
  } else if (slow_start_ < config.max_requests) {
    ++slow_start_;
  }
}

void RequestQueue::stalled() {
  steady_ = std::max<double>(few, static_cast<double>(entries_.size()) / 4);
  stalled_ = true;
  grown_ = 0;
}

double RequestQueue::most(const SwarmConfig& config) const {
  return grown_ + (stalled_ ? static_cast<double>(few) : config.first_requests);
}

bool RequestQueue::remove(BlockRef block) {
  const auto index = find(block);
  if (index) erase(*index);
  return index.has_value();
}

void RequestQueue::clear() {
  entries_.clear();
  late_ = 0;
}

std::uint32_t RequestQueue::window(const SwarmConfig& config, std::uint32_t peer_limit) const {
  double blocks = ramping_ ? slow_start_ : config.min_requests;
  if (rate_ > 0) {
    const double by_rate = rate_ * seconds(shortest_delay_ + config.request_horizon) / block_length;
    blocks = std::max(blocks, by_rate);
  }
  double far = 0;
  if (rate_ > 0) far = flights * rate_ * seconds(shortest_delay_) / block_length;
  const double useful = std::clamp<double>(
      far, std::min(config.usual_requests, config.max_requests), config.max_requests);
  const auto limit = static_cast<std::uint32_t>(std::min(useful, most(config)));
  const std::uint32_t cap = std::max(1u, std::min(limit, peer_limit));
  if (blocks >= cap) return cap;
  return std::min(cap, std::max(config.min_requests, static_cast<std::uint32_t>(blocks)));
}

std::optional<Duration> RequestQueue::expected(std::size_t index) const {
  if (rate_ <= 0) return std::nullopt;
  const double transfer = static_cast<double>(index + 1) * block_length / rate_;
  return shortest_delay_ + from_seconds(std::min(transfer, 3600.0));
}

bool RequestQueue::is_late(BlockRef block) const {
  const auto index = find(block);
  return index && *index < late_;
}

Duration RequestQueue::timeout(const SwarmConfig& config) const {
  const auto expectation = expected(entries_.size());
  if (!expectation) return 3 * config.block_timeout_min;
  return std::clamp(2 * *expectation, config.block_timeout_min, config.block_timeout_max);
}

Duration RequestQueue::patience(const SwarmConfig& config) const {
  const Duration least = 3 * config.block_timeout_min;
  return std::clamp(4 * expected(0).value_or(Duration{}), least, config.snubbed_after);
}

TimePoint RequestQueue::next_late(const SwarmConfig& config) const {
  if (late_ == entries_.size()) return never;
  return entries_[late_].sent + timeout(config);
}

std::optional<BlockRef> RequestQueue::take_late(TimePoint now, const SwarmConfig& config) {
  if (next_late(config) > now) return std::nullopt;
  return entries_[late_++].block;
}

}  // namespace barter
