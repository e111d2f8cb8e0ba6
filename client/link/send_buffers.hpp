// SendBuffers: memory into which blocks are read on their way to a socket, one list for each
// network thread. A buffer is used again last in first out, while it is still in the CPU's cache;
// connections that keep up share one.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace barter::net {

using SendBuffer = std::unique_ptr<std::byte[]>;

class SendBuffers {
 public:
  static constexpr std::size_t small = 64 * 1024;   // for a peer that lags behind
  static constexpr std::size_t large = 256 * 1024;  // for one that keeps up

  SendBuffer take(bool large_one) {
    auto& list = large_one ? large_ : small_;
    if (list.empty()) {
      return std::make_unique_for_overwrite<std::byte[]>(large_one ? large : small);
    }
    SendBuffer out = std::move(list.back());
    list.pop_back();
    return out;
  }
  void give_back(SendBuffer buffer, bool large_one) {
    auto& list = large_one ? large_ : small_;
    if (buffer && list.size() < kept) list.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t kept = 16;  // of each size; the rest is freed
  std::vector<SendBuffer> small_, large_;
};

}  // namespace barter::net
