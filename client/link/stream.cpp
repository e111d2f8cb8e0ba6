#include "client/link/stream.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace barter::link {

Stream::Received Stream::read(std::span<const iovec> rooms) {
  if (inside_.empty()) return receive(rooms);
  std::size_t moved = 0;
  for (const iovec& room : rooms) {
    const std::size_t bytes = std::min(room.iov_len, inside_.size() - moved);
    std::memcpy(room.iov_base, inside_.data() + moved, bytes);
    moved += bytes;
    if (moved == inside_.size()) break;
  }
  if (moved == inside_.size()) {
    inside_ = {};
  } else {
    inside_.erase(inside_.begin(), inside_.begin() + static_cast<std::ptrdiff_t>(moved));
  }
  return {Received::What::bytes, moved, 0};
}

void Stream::wait_readable(std::shared_ptr<Waiter> waiter) {
  wait_for_bytes(std::move(waiter), !inside_.empty());
}

void Stream::put_back(std::span<const std::byte> bytes) {
  inside_.insert(inside_.begin(), bytes.begin(), bytes.end());
}

}  // namespace barter::link
