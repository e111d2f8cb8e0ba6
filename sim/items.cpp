#include "sim/items.hpp"

#include <type_traits>
#include <variant>

namespace barter::sim {

namespace {
using wire::Message;

// The place of a type in wire::Message.
template <class T, std::size_t I = 0>
constexpr std::uint32_t kind_of() {
  if constexpr (std::is_same_v<T, std::variant_alternative_t<I, Message>>) {
    return static_cast<std::uint32_t>(I);
  } else {
    return kind_of<T, I + 1>();
  }
}

template <class T>
concept Triple = std::is_same_v<T, wire::Request> || std::is_same_v<T, wire::Cancel> ||
    std::is_same_v<T, wire::Reject>;
template <class T>
concept Single = std::is_same_v<T, wire::Have> || std::is_same_v<T, wire::Suggest> ||
    std::is_same_v<T, wire::AllowedFast>;

constexpr std::uint32_t extension_handshake_bytes = 150;  // about
}  // namespace

std::uint32_t Items::make(Message&& message) {
  return std::visit(
      [&]<class T>(T& value) -> std::uint32_t {
        if constexpr (Triple<T>) {
          return items_.put({no_item, kind_of<T>(), value.piece, value.begin, value.length});
        } else if constexpr (Single<T>) {
          return items_.put({no_item, kind_of<T>(), value.piece, 0, 0});
        } else if constexpr (std::is_empty_v<T>) {
          return items_.put({no_item, kind_of<T>(), 0, 0, 0});
        } else {
          return items_.put({no_item, whole_kind, whole_.put(std::move(message)), 0, 0});
        }
      },
      message);
}

std::uint32_t Items::make_block(const BlockRange& range) {
  return items_.put({no_item, block_kind, to_number(range.piece), range.begin, range.length});
}

void Items::free(std::uint32_t item) {
  if (items_[item].kind == whole_kind) whole_.take(items_[item].a);
  items_.take(item);
}

void Items::free_all(Chain& chain) {
  while (!chain.empty()) free(pop(chain));
}

std::uint32_t Items::bytes(std::uint32_t item) const {
  const Item& it = items_[item];
  switch (it.kind) {
    case block_kind:
      return it.c + wire::piece_header_length;
    case whole_kind:
      if (const auto* bits = std::get_if<wire::BitfieldMessage>(&whole_[it.a]))
        return static_cast<std::uint32_t>(bits->bits.size()) + 5;
      if (const auto* told = std::get_if<wire::PeerExchange>(&whole_[it.a]))
        return static_cast<std::uint32_t>(30 + 7 * told->added.size() + 6 * told->dropped.size());
      return extension_handshake_bytes;
    case kind_of<wire::Request>():
    case kind_of<wire::Cancel>():
    case kind_of<wire::Reject>():
      return 17;
    case kind_of<wire::Have>():
    case kind_of<wire::Suggest>():
    case kind_of<wire::AllowedFast>():
      return 9;
    case kind_of<wire::KeepAlive>():
      return 4;
    default:
      return 5;
  }
}

Message Items::message(std::uint32_t item) {
  const Item it = items_[item];
  switch (it.kind) {
    case whole_kind:
      return std::move(whole_[it.a]);
    case kind_of<wire::Request>():
      return wire::Request{it.a, it.b, it.c};
    case kind_of<wire::Cancel>():
      return wire::Cancel{it.a, it.b, it.c};
    case kind_of<wire::Reject>():
      return wire::Reject{it.a, it.b, it.c};
    case kind_of<wire::Have>():
      return wire::Have{it.a};
    case kind_of<wire::Suggest>():
      return wire::Suggest{it.a};
    case kind_of<wire::AllowedFast>():
      return wire::AllowedFast{it.a};
    case kind_of<wire::Choke>():
      return wire::Choke{};
    case kind_of<wire::Unchoke>():
      return wire::Unchoke{};
    case kind_of<wire::Interested>():
      return wire::Interested{};
    case kind_of<wire::NotInterested>():
      return wire::NotInterested{};
    case kind_of<wire::HaveAll>():
      return wire::HaveAll{};
    case kind_of<wire::HaveNone>():
      return wire::HaveNone{};
    default:
      return wire::KeepAlive{};
  }
}

void Items::push(Chain& chain, std::uint32_t item) {
  items_[item].next = no_item;
  if (chain.empty()) {
    chain.head = item;
  } else {
    items_[chain.tail].next = item;
  }
  chain.tail = item;
}

std::uint32_t Items::pop(Chain& chain) {
  const std::uint32_t item = chain.head;
  chain.head = items_[item].next;
  if (chain.head == no_item) chain.tail = no_item;
  return item;
}

void Items::splice(Chain& to, Chain& from) {
  if (from.empty()) return;
  if (to.empty()) {
    to = from;
  } else {
    items_[to.tail].next = from.head;
    to.tail = from.tail;
  }
  from = {};
}

bool Items::remove_block(Chain& chain, const BlockRange& range, std::uint32_t& place) {
  place = 0;
  std::uint32_t before = no_item;
  for (std::uint32_t item = chain.head; item != no_item; before = item, item = items_[item].next) {
    if (!is_block(item) || block(item) != range) {
      ++place;
      continue;
    }
    const std::uint32_t after = items_[item].next;
    (before == no_item ? chain.head : items_[before].next) = after;
    if (chain.tail == item) chain.tail = before;
    free(item);
    return true;
  }
  return false;
}

}  // namespace barter::sim
