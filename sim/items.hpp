// Items: what waits in the queues of links or is on its way: messages and blocks in a few bytes
// each, chained by number. Messages that hold more than three numbers lie beside them whole.
#pragma once

#include <cstdint>

#include "client/wire/message.hpp"
#include "sim/slab.hpp"
#include "torrent/layout.hpp"

namespace barter::sim {

inline constexpr std::uint32_t no_item = 0xffffffff;

// A chain of items: first in, first out.
struct Chain {
  std::uint32_t head = no_item, tail = no_item;
  bool empty() const { return head == no_item; }
};

class Items {
 public:
  std::uint32_t make(wire::Message&& message);
  std::uint32_t make_block(const BlockRange& range);
  void free(std::uint32_t item);
  void free_all(Chain& chain);

  bool is_block(std::uint32_t item) const { return items_[item].kind == block_kind; }
  BlockRange block(std::uint32_t item) const {
    const Item& it = items_[item];
    return {PieceIndex{it.a}, it.b, it.c};
  }
  // Bytes in the stream, length prefix included.
  std::uint32_t bytes(std::uint32_t item) const;
  // The message, taken out of the item (which stays to be freed). Not for blocks.
  wire::Message message(std::uint32_t item);
  std::uint32_t next(std::uint32_t item) const { return items_[item].next; }

  void push(Chain& chain, std::uint32_t item);
  std::uint32_t pop(Chain& chain);
  void splice(Chain& to, Chain& from);  // behind it; `from` becomes empty
  // Takes out the block of that range: false if it is not there. `place`: how many stood before it.
  bool remove_block(Chain& chain, const BlockRange& range, std::uint32_t& place);

 private:
  static constexpr std::uint32_t block_kind = 0xff, whole_kind = 0xfe;
  struct Item {
    std::uint32_t next = no_item;
    std::uint32_t kind = 0;  // index in wire::Message, or one of the above
    std::uint32_t a = 0, b = 0, c = 0;
  };
  Slab<Item> items_;
  Slab<wire::Message> whole_;
};

}  // namespace barter::sim
