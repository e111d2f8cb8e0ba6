#include "client/net/piece_check.hpp"

#include <algorithm>
#include <utility>

namespace barter::net {

namespace {
constexpr std::uint64_t slice_bytes = 16 << 20;
// Of all pieces that one thread hashes side by side: on a slow disk they take seconds, and progress
// is counted by them.
constexpr std::uint64_t at_once_bytes = 256 << 20;
}  // namespace

PieceCheck::PieceCheck(StoreJobs& jobs, std::shared_ptr<const Metainfo> metainfo,
                       std::vector<PieceIndex> pieces, std::function<void(const Outcome&)> done)
    : jobs_(jobs),
      metainfo_(std::move(metainfo)),
      pieces_(std::move(pieces)),
      done_(std::move(done)) {
  for (const PieceIndex piece : pieces_) bytes_total_ += metainfo_->layout().piece_size(piece);
}

void PieceCheck::start(unsigned threads) {
  const bool one_reader = jobs_.store()->one_reader();
  running_ = one_reader ? 1 : std::max(threads, 1U);
  const std::size_t share = (pieces_.size() + running_ - 1) / running_;
  const std::size_t most = std::min<std::size_t>(
      jobs_.store()->hash_width(), at_once_bytes / metainfo_->layout().piece_length());
  at_once_ = one_reader ? 1 : std::clamp<std::size_t>(share, 1, std::max<std::size_t>(most, 1));
  for (unsigned i = running_; i > 0; --i) slice();
}

void PieceCheck::slice() {
  jobs_.check([self = shared_from_this()](Store& store) { return self->run_slice(store); });
}

Job PieceCheck::run_slice(Store& store) {
  std::vector<PieceIndex> right;
  std::optional<Error> error;
  std::uint64_t bytes = 0;
  bool more = false;
  while (!cancelled_ && !error) {
    if (bytes >= slice_bytes) {
      more = true;
      break;
    }
    const std::size_t at = next_.fetch_add(at_once_);
    if (at >= pieces_.size()) break;
    const auto some = std::span(pieces_).subspan(at, std::min(pieces_.size() - at, at_once_));
    const auto checked = store.check_pieces(some);
    if (!checked) {
      error = checked.error();
      break;
    }
    for (std::size_t i = 0; i < some.size(); ++i) {
      const std::uint64_t size = metainfo_->layout().piece_size(some[i]);
      bytes += size;
      bytes_done_ += size;
      if ((*checked)[i]) right.push_back(some[i]);
    }
  }
  {
    const std::lock_guard lock(mutex_);
    outcome_.right.insert(outcome_.right.end(), right.begin(), right.end());
    if (error && !outcome_.error) {
      outcome_.error = error;
      cancelled_ = true;
    }
  }
  return [self = shared_from_this(), more] {
    if (more) return self->slice();
    if (--self->running_ > 0) return;
    const std::lock_guard lock(self->mutex_);
    self->done_(self->outcome_);
  };
}

}  // namespace barter::net
