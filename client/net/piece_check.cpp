#include "client/net/piece_check.hpp"

#include <algorithm>
#include <utility>

namespace barter::net {

namespace {
constexpr std::uint64_t slice_bytes = 16 << 20;
}

PieceCheck::PieceCheck(StoreJobs& jobs, std::shared_ptr<const Metainfo> metainfo,
                       std::vector<PieceIndex> pieces, std::function<void(const Outcome&)> done)
    : jobs_(jobs),
      metainfo_(std::move(metainfo)),
      pieces_(std::move(pieces)),
      done_(std::move(done)) {
  for (const PieceIndex piece : pieces_) bytes_total_ += metainfo_->layout().piece_size(piece);
}

void PieceCheck::start(unsigned threads) {
  running_ = std::max(threads, 1U);
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
    const std::size_t at = next_.fetch_add(1);
    if (at >= pieces_.size()) break;
    const auto checked = store.check_piece(pieces_[at]);
    const std::uint64_t size = metainfo_->layout().piece_size(pieces_[at]);
    bytes += size;
    bytes_done_ += size;
    if (!checked) {
      error = checked.error();
    } else if (*checked) {
      right.push_back(pieces_[at]);
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
