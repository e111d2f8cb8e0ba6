#include "chunkstore/block_buffer.hpp"

#include <mutex>
#include <new>
#include <vector>

namespace barter {

namespace {
constexpr std::align_val_t page{4096};
}

struct BlockPool::State {
  mutable std::mutex mutex;
  std::vector<std::byte*> free;
  std::size_t in_use = 0;
  std::size_t bytes_each = 0;
};

BlockPool::BlockPool(std::size_t max_buffers, std::size_t bytes_each)
    : max_buffers_(max_buffers), state_(std::make_unique<State>()) {
  state_->bytes_each = bytes_each;
}

BlockPool::~BlockPool() {
  assert(state_->in_use == 0);
  for (std::byte* data : state_->free) ::operator delete(data, page);
}

BlockBuffer BlockPool::take() {
  const std::lock_guard lock(state_->mutex);
  if (state_->in_use >= max_buffers_) return {};
  std::byte* data = nullptr;
  if (state_->free.empty()) {
    data = static_cast<std::byte*>(::operator new(state_->bytes_each, page));
  } else {
    data = state_->free.back();
    state_->free.pop_back();
  }
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
