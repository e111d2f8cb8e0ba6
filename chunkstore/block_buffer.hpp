// BlockBuffer: the move-only owner of one block's bytes, from a bounded
// BlockPool. The core holds these as handles and never looks inside;
// the network fills them, the store hashes and writes them.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace barter {

class BlockPool;

class BlockBuffer {
 public:
  BlockBuffer() = default;  // empty: owns nothing
  BlockBuffer(BlockBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        pool_(std::exchange(other.pool_, nullptr)) {}
  BlockBuffer& operator=(BlockBuffer&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      pool_ = std::exchange(other.pool_, nullptr);
    }
    return *this;
  }
  ~BlockBuffer() { release(); }

  explicit operator bool() const { return data_ != nullptr; }
  std::uint32_t size() const { return size_; }  // bytes of the block
  void set_size(std::uint32_t size) { size_ = size; }
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::span<std::byte> bytes() { return {data_, size_}; }

 private:
  friend class BlockPool;
  BlockBuffer(std::byte* data, BlockPool* pool) : data_(data), pool_(pool) {}
  void release();
  std::byte* data_ = nullptr;
  std::uint32_t size_ = 0;
  BlockPool* pool_ = nullptr;
};

// Hands out buffers of one size up to a stated number and takes them back from any thread. Memory
// is allocated when first needed, reused last in first out (the warm one first), and kept until
// the pool ends. The pool must outlive its buffers. Thread-safe.
class BlockPool {
 public:
  // `bytes_each` is 16 KiB in the product; the simulator's buffers are
  // a few bytes that stand for it.
  explicit BlockPool(std::size_t max_buffers, std::size_t bytes_each = 16 * 1024);
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  BlockBuffer take();  // empty when all are in use: the caller stops reading until some come back
  std::size_t in_use() const;
  std::size_t max_buffers() const { return max_buffers_; }
  // Those in use beyond a lower number come back by and by.
  void set_max_buffers(std::size_t count) { max_buffers_ = count; }

 private:
  friend class BlockBuffer;
  void put_back(std::byte* data);
  struct State;
  std::atomic<std::size_t> max_buffers_;
  std::unique_ptr<State> state_;
};

}  // namespace barter
