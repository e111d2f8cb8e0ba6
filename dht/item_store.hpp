// ItemStore: the items that others gave us to keep (BEP 44). Bounded and expiring; checks
// everything but the token. One owner, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "dht/item.hpp"
#include "torrent/random.hpp"
#include "torrent/time.hpp"

namespace barter::dht {

struct ItemStoreLimits {
  std::size_t items = 700;  // beyond: of a few taken by chance the one put longest ago goes
  Duration lives = std::chrono::hours(2);  // without being put again
};

class ItemStore {
 public:
  explicit ItemStore(ItemStoreLimits limits) : limits_(limits) {}

  // Nothing if it is stored (or was, and lives on), or an error_code.
  std::optional<std::int64_t> put(Item item, std::optional<std::int64_t> cas, TimePoint now,
                                  Random& random);
  const Item* find(const NodeId& target, TimePoint now) const;
  void expire(TimePoint now);
  std::size_t size() const { return items_.size(); }
  std::size_t memory_bytes() const;

 private:
  struct Stored {
    Item item;
    TimePoint put{};
  };
  void make_room(Random& random);

  ItemStoreLimits limits_;
  std::map<NodeId, Stored> items_;
};

}  // namespace barter::dht
