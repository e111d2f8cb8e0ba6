#include "chunkstore/spill.hpp"

#include <algorithm>
#include <utility>

#include "torrent/siphash.hpp"

namespace barter {

namespace {

constexpr const char* spill_name = "spill";

}  // namespace

void Spill::adopt(const std::map<BlockRef, SpillSlot>& spilled) {
  std::vector<std::uint32_t> used;
  for (const auto& [block, slot] : spilled) used.push_back(slot.slot);
  std::sort(used.begin(), used.end());
  end_ = used.empty() ? 0 : used.back() + 1;
  free_.clear();
  std::size_t next = 0;
  for (std::uint32_t slot = 0; slot < end_; ++slot) {
    if (used[next] == slot) {
      while (next < used.size() && used[next] == slot) ++next;
    } else {
      free_.push_back(slot);
    }
  }
}

std::uint32_t Spill::take_slot() {
  if (free_.empty()) return end_++;
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

void Spill::release(std::uint32_t slot) {
  free_.push_back(slot);
  if (free_.size() != end_) return;
  free_.clear();
  end_ = 0;
  if (file_) (void)files_.truncate(file_, 0);
}

Result<void> Spill::open() {
  if (file_) return {};
  auto file = files_.open(folder_, spill_name, OpenMode::create);
  if (!file) return file.error();
  file_ = std::move(*file);
  return files_.sync(folder_);  // its name must last as long as what is synced into it
}

Result<void> Spill::put(std::uint32_t slot, std::span<const std::byte> bytes) {
  return files_.write(file_, std::uint64_t{slot} * block_length, {&bytes, 1});
}

Result<void> Spill::get(SpillSlot slot, std::span<std::byte> out) const {
  const auto got = files_.read(file_, std::uint64_t{slot.slot} * block_length, out);
  if (!got) return got.error();
  if (*got != out.size() || checksum(out) != slot.checksum) {
    return Error{Errc::io_error, "a block in the spill file is damaged"};
  }
  return {};
}

Result<void> Spill::sync() {
  if (!file_) return {};
  return files_.sync(file_);
}

std::uint64_t Spill::checksum(std::span<const std::byte> bytes) {
  return siphash({}, bytes);
}

}  // namespace barter
