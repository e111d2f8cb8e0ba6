#include "dht/item_store.hpp"

namespace barter::dht {

std::optional<std::int64_t> ItemStore::put(Item item, std::optional<std::int64_t> cas,
                                           TimePoint now, Random& random) {
  const NodeId target = target_of(item);
  const auto found = items_.find(target);
  if (found != items_.end() && found->second.item == item) {  // verified before
    found->second.put = now;
    return std::nullopt;
  }
  if (const auto fault = fault_of(item)) return fault;
  if (found == items_.end()) {
    make_room(random);
    items_.emplace(target, Stored{std::move(item), now});
    return std::nullopt;
  }
  Stored& stored = found->second;
  if (item.key) {
    if (cas && *cas != stored.item.sequence) return error_code::cas_mismatch;
    // The same number twice, for another value: the first one stays.
    if (item.sequence <= stored.item.sequence) return error_code::old_sequence;
  }
  stored = {std::move(item), now};
  return std::nullopt;
}

const Item* ItemStore::find(const NodeId& target, TimePoint now) const {
  const auto found = items_.find(target);
  if (found == items_.end() || now - found->second.put >= limits_.lives) return nullptr;
  return &found->second.item;
}

void ItemStore::make_room(Random& random) {
  while (items_.size() >= limits_.items) {
    auto victim = items_.end();
    auto one = items_.lower_bound(random_id(random));
    for (int i = 0; i < 8; ++i, ++one) {
      if (one == items_.end()) one = items_.begin();
      if (victim == items_.end() || one->second.put < victim->second.put) victim = one;
    }
    items_.erase(victim);
  }
}

void ItemStore::expire(TimePoint now) {
  std::erase_if(items_, [&](const auto& entry) { return now - entry.second.put >= limits_.lives; });
}

std::size_t ItemStore::memory_bytes() const {
  std::size_t out = 0;
  for (const auto& [target, stored] : items_)
    out += sizeof(std::pair<NodeId, Stored>) + 4 * sizeof(void*) + stored.item.value.capacity() +
           stored.item.salt.capacity();
  return out;
}

}  // namespace barter::dht
