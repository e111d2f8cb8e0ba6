#include "chunkstore/sparse_write.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace barter {

namespace {

using Parts = std::span<const std::span<const std::byte>>;

std::uint64_t run_at_or_after(std::uint64_t offset) {
  return (offset + sparse_run - 1) / sparse_run * sparse_run;
}

// Other bytes are told from zeros by their first word, nearly always.
bool begins_with_zeros(std::span<const std::byte> bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), std::min(bytes.size(), sizeof word));
  return word == 0;
}

bool is_zero(std::span<const std::byte> bytes) {
  if (bytes.empty()) return true;
  return begins_with_zeros(bytes) && bytes[0] == std::byte{0} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

// Might one of the runs be all zeros? Looks at the first word of each.
bool may_have_run(std::uint64_t offset, Parts parts) {
  for (const auto& part : parts) {
    for (std::uint64_t run = run_at_or_after(offset); run < offset + part.size();
         run += sparse_run) {
      if (begins_with_zeros(part.subspan(run - offset))) return true;
    }
    offset += part.size();
  }
  return false;
}

class SparseWrite {
 public:
  SparseWrite(Files& files, const FileHandle& file, std::uint64_t offset, Parts parts)
      : files_(files), file_(file), at_(offset), from_(offset), left_(parts) {}

  Result<void> write() {
    while (take()) {
      const bool zeros = std::all_of(window_.begin(), window_.end(), is_zero);
      const bool whole = size_ == sparse_run;
      if (whole && zeros && is_hole()) {
        if (auto done = flush(); !done) return done;
        from_ = at_ + size_;
      } else {
        waiting_.insert(waiting_.end(), window_.begin(), window_.end());
      }
      at_ += size_;
    }
    return flush();
  }

 private:
  // The parts of the next run, or of what there is of it, into window_.
  bool take() {
    window_.clear();
    const std::uint64_t most = (at_ / sparse_run + 1) * sparse_run - at_;
    size_ = 0;
    while (size_ < most && !left_.empty()) {
      const auto bytes = left_.front().subspan(skip_);
      const auto taken = bytes.first(std::min<std::uint64_t>(bytes.size(), most - size_));
      if (!taken.empty()) window_.push_back(taken);
      size_ += taken.size();
      skip_ += taken.size();
      if (skip_ < left_.front().size()) continue;
      left_ = left_.subspan(1);
      skip_ = 0;
    }
    return size_ > 0;
  }

  // Never taken for granted: beyond the file's end and where the system cannot tell there is none.
  bool is_hole() {
    const std::uint64_t end = at_ + size_;
    if (end <= data_from_) return true;
    const auto data = files_.next_data(file_, at_);
    if (data) data_from_ = *data;
    return data && end <= *data;
  }

  Result<void> flush() {
    if (waiting_.empty()) return {};
    auto done = files_.write(file_, from_, waiting_);
    waiting_.clear();
    return done;
  }

  Files& files_;
  const FileHandle& file_;
  std::uint64_t at_;    // of the window
  std::uint64_t from_;  // of what waits
  Parts left_;
  std::size_t skip_ = 0;  // bytes of the first part that are done
  std::vector<std::span<const std::byte>> window_, waiting_;
  std::uint64_t size_ = 0;       // of the window
  std::uint64_t data_from_ = 0;  // no data from the last hole up to here
};

}  // namespace

Result<void> write_sparse(Files& files, const FileHandle& file, std::uint64_t offset, Parts parts) {
  if (!may_have_run(offset, parts)) return files.write(file, offset, parts);
  return SparseWrite(files, file, offset, parts).write();
}

std::uint64_t left_out_of_zeros(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t begin = run_at_or_after(offset);
  const std::uint64_t end = (offset + length) / sparse_run * sparse_run;
  return end > begin ? end - begin : 0;
}

}  // namespace barter
