#include "dht/token.hpp"

#include <array>
#include <cstring>

namespace barter::dht {

namespace {
std::int64_t epoch_at(TimePoint now) {
  return now.time_since_epoch() / std::chrono::minutes(5);
}
}  // namespace

std::string Tokens::make(const Address& asker, const NodeId& target, std::int64_t epoch) const {
  std::array<std::byte, 16 + NodeId::size + sizeof epoch> input{};
  const auto address = asker.v6_bytes();
  std::memcpy(input.data(), address.data(), address.size());
  std::memcpy(input.data() + 16, target.bytes.data(), NodeId::size);
  std::memcpy(input.data() + 16 + NodeId::size, &epoch, sizeof epoch);
  const std::uint64_t digest = siphash(secret_, input);
  std::string out(sizeof digest, '\0');
  std::memcpy(out.data(), &digest, sizeof digest);
  return out;
}

std::string Tokens::token(const Address& asker, const NodeId& target, TimePoint now) const {
  return make(asker, target, epoch_at(now));
}

bool Tokens::valid(std::string_view token, const Address& asker, const NodeId& target,
                   TimePoint now) const {
  if (token.size() != bytes) return false;
  const std::int64_t epoch = epoch_at(now);
  return token == make(asker, target, epoch) || token == make(asker, target, epoch - 1);
}

}  // namespace barter::dht
