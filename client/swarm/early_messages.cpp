#include "client/swarm/early_messages.hpp"

#include <utility>

namespace barter {

void EarlyMessages::keep(wire::Message& message) {
  if (kept_.size() < max_messages) kept_.push_back(std::move(message));
}

wire::BitfieldMessage* EarlyMessages::bitfield() {
  for (wire::Message& message : kept_)
    if (auto* bits = std::get_if<wire::BitfieldMessage>(&message)) return bits;
  return nullptr;
}

// Into the bitfield, if it has that place.
bool EarlyMessages::merge(std::uint32_t piece, bool has) {
  wire::BitfieldMessage* bits = bitfield();
  if (bits == nullptr || piece / 8 >= bits->bits.size()) return false;
  const std::byte mask = std::byte{0x80} >> (piece % 8);
  std::byte& place = bits->bits[piece / 8];
  place = has ? place | mask : place & ~mask;
  return true;
}

bool EarlyMessages::take(wire::Message& message) {
  if (auto* bits = std::get_if<wire::BitfieldMessage>(&message)) {
    wire::BitfieldMessage* before = bitfield();
    if (before == nullptr) {
      keep(message);
    } else if (before->bits.size() == bits->bits.size()) {  // what it adds is gained (aria2)
      for (std::size_t i = 0; i < bits->bits.size(); ++i) before->bits[i] |= bits->bits[i];
    }
    return true;
  }
  if (const auto* have = std::get_if<wire::Have>(&message)) {
    if (!merge(have->piece, true)) keep(message);
    return true;
  }
  if (const auto* lost = std::get_if<wire::DontHave>(&message)) {
    if (!merge(lost->piece, false)) keep(message);
    return true;
  }
  if (std::holds_alternative<wire::HaveAll>(message) ||
      std::holds_alternative<wire::HaveNone>(message) ||
      std::holds_alternative<wire::Suggest>(message) ||
      std::holds_alternative<wire::AllowedFast>(message)) {
    keep(message);
    return true;
  }
  return false;
}

}  // namespace barter
