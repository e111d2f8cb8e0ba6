#include "chunkstore/block_buffer.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <vector>

namespace barter {

namespace {
constexpr std::align_val_t page{4096};
// Allocated at once: page by page after each other, where single ones would each take a page more
// for the allocator's own words. More of them where a few bytes stand for a block (simulations).
constexpr std::size_t buffers_together = 16, bytes_together = 64 * 1024;
}  // namespace

struct BlockPool::State {
  mutable std::mutex mutex;
  std::vector<std::byte*> slabs;
  std::vector<std::byte*> free;
  std::size_t in_use = 0;
  std::size_t bytes_each = 0;

  void grow() {
    const std::size_t count = std::max(buffers_together, bytes_together / bytes_each);
    auto* slab = static_cast<std::byte*>(::operator new(count* bytes_each, page));
    slabs.push_back(slab);
    free.reserve(slabs.size() * count);  // so that none comes back to an allocation
    for (std::size_t i = count; i > 0; --i) free.push_back(slab + (i - 1) * bytes_each);
  }
};

BlockPool::BlockPool(std::size_t max_buffers, std::size_t bytes_each)
    : max_buffers_(max_buffers), state_(std::make_unique<State>()) {
  state_->bytes_each = bytes_each;
}

BlockPool::~BlockPool() {
  assert(state_->in_use == 0);
  for (std::byte* slab : state_->slabs) ::operator delete(slab, page);
}

BlockBuffer BlockPool::take() {
  const std::lock_guard lock(state_->mutex);
  if (state_->in_use >= max_buffers_) return {};
  if (state_->free.empty()) state_->grow();
  std::byte* data = state_->free.back();
  state_->free.pop_back();
  ++state_->in_use;
  return {data, this};
}

std::size_t BlockPool::in_use() const {
  const std::lock_guard lock(state_->mutex);
  return state_->in_use;
}

void BlockPool::put_back(std::byte* data) {
  const std::lock_guard lock(state_->mutex);
  state_->free.push_back(data);
  --state_->in_use;
}

void BlockBuffer::release() {
  if (data_ != nullptr) pool_->put_back(data_);
  data_ = nullptr;
}

}  // namespace barter
