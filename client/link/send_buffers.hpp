// SendBuffers: memory into which blocks are read on their way to a peer, one list for each network
// thread. A buffer is used again last in first out, while it is still in the CPU's cache;
// connections that keep up share one.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace barter::link {

// The blocks in it hold it together; all of them on one thread. To another thread it goes while it
// has one owner.
class SendMemory : public boost::intrusive_ref_counter<SendMemory, boost::thread_unsafe_counter> {
 public:
  explicit SendMemory(std::size_t size)
      : size_(size), bytes_(std::make_unique_for_overwrite<std::byte[]>(size)) {}
  std::span<std::byte> bytes() { return {bytes_.get(), size_}; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
};
using SendBuffer = boost::intrusive_ptr<SendMemory>;

class SendBuffers {
 public:
  static constexpr std::size_t small = 64 * 1024;   // for a peer that lags behind
  static constexpr std::size_t large = 256 * 1024;  // for one that keeps up

  SendBuffer take(bool large_one) {
    auto& list = large_one ? large_ : small_;
    if (list.empty()) return SendBuffer(new SendMemory(large_one ? large : small));
    SendBuffer out = std::move(list.back());
    list.pop_back();
    return out;
  }
  // Kept if nobody else has it.
  void give_back(SendBuffer buffer) {
    if (!buffer || buffer->use_count() > 1) return;
    auto& list = buffer->size() == large ? large_ : small_;
    if (list.size() < kept) list.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t kept = 16;  // of each size; the rest is freed
  std::vector<SendBuffer> small_, large_;
};

}  // namespace barter::link
