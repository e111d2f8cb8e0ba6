#include "client/net/store_jobs.hpp"

#include <algorithm>
#include <utility>

#include "client/link/send_queue.hpp"

namespace barter::net {

namespace {

// How long a piece waits for others, and how many bytes may wait: sixteen pieces of a MiB fill the
// lanes, and are little beside open_piece_bytes.
constexpr Duration gather_for = std::chrono::milliseconds(8);
constexpr std::size_t gather_bytes = 16 << 20;
// Fewer than so many are hashed one after the other anyway.
constexpr std::size_t gather_least = 4;
constexpr Duration longest_gap = std::chrono::seconds(1);

std::size_t pieces_together(const Store& store, std::uint32_t piece_length) {
  return std::min(store.hash_width(), gather_bytes / piece_length);
}

}  // namespace

StoreJobs::StoreJobs(DiskPool& disk, std::shared_ptr<Mailbox> mailbox,
                     boost::asio::io_context& context)
    : disk_(disk), mailbox_(std::move(mailbox)), gathering_(context) {}

void StoreJobs::set_store(std::shared_ptr<Store> store, std::uint32_t piece_length) {
  store_ = std::move(store);
  together_ = pieces_together(*store_, piece_length);
}

void StoreJobs::post(DiskPool::Lane lane, Work work) {
  ++pending_;
  disk_.post(lane, [this, owner = owner_.lock(), store = store_, mailbox = mailbox_,
                    work = std::move(work)]() mutable {
    Job letter = work(*store);
    work = {};
    store = nullptr;  // whoever hears that the job is done may close it
    Mailbox& to = *mailbox;
    to.post([this, owner = std::move(owner), letter = std::move(letter)]() mutable {
      --pending_;
      if (letter) letter();
    });
  });
}

void StoreJobs::for_piece(PieceIndex piece, PieceWork work) {
  auto& waiting = pieces_[piece];
  waiting.push_back(std::move(work));
  if (waiting.size() == 1) next_of_piece(piece);
}

// The place in the queue is kept while the job runs, so that the next one waits.
void StoreJobs::next_of_piece(PieceIndex piece) {
  auto& waiting = pieces_[piece];
  if (waiting.empty()) {
    pieces_.erase(piece);
    return;
  }
  if (auto* item = std::get_if<ToStore>(&waiting.front())) return gather(std::move(*item));
  post(DiskPool::Lane::store,
       [this, piece,
        work = std::move(std::get<Work>(waiting.front()))](Store& store) mutable -> Job {
         return [this, piece, letter = work(store)]() mutable {
           piece_done(piece);
           if (letter) letter();
         };
       });
}

void StoreJobs::piece_done(PieceIndex piece) {
  pieces_[piece].pop_front();
  next_of_piece(piece);
}

void StoreJobs::store(StorePiece action, Stored done) {
  const PieceIndex piece = action.piece;
  for_piece(piece, ToStore{std::move(action), std::move(done), {}});
}

void StoreJobs::gather(ToStore item) {
  {
    const std::lock_guard lock(to_store_->mutex);
    to_store_->waiting.push_back(std::move(item));
  }
  const bool more_will_come = worth_waiting();
  if (++gathered_ >= together_) return release();
  // While some are stored, the others gather by themselves: job_ended() releases them.
  if (together_ >= gather_least && storing_jobs_ > 0) return;
  if (!more_will_come) return release();
  if (gathered_ > 1) return;  // the first one waits already
  gathering_.expires_after(gather_for);
  gathering_.async_wait([this, owner = owner_](const boost::system::error_code& error) {
    const auto alive = owner.lock();
    if (!error && alive) release();
  });
}

// Do pieces come so fast that enough of them will be here in time?
bool StoreJobs::worth_waiting() {
  const TimePoint now = std::chrono::steady_clock::now();
  const Duration gap = std::min(now - last_piece_, longest_gap);
  last_piece_ = now;
  piece_gap_ = (3 * piece_gap_ + gap) / 4;
  return together_ >= gather_least && piece_gap_ * gather_least < gather_for;
}

// Each job takes as many as may be stored together, so none is left behind.
void StoreJobs::release() {
  if (gathered_ == 0) return;
  gathered_ = 0;
  gathering_.cancel();
  ++storing_jobs_;
  post(DiskPool::Lane::store,
       [this, queue = to_store_](Store& store) { return store_some(store, *queue); });
}

// On the pool.
Job StoreJobs::store_some(Store& store, StoreQueue& queue) {
  std::vector<ToStore> items;
  {
    const std::lock_guard lock(queue.mutex);
    for (std::size_t most = std::max(together_, std::size_t{1}); most > 0 && !queue.waiting.empty();
         --most) {
      items.push_back(std::move(queue.waiting.front()));
      queue.waiting.pop_front();
    }
  }
  if (items.empty()) return [this] { job_ended(); };
  std::vector<StoreRequest> requests;
  for (const ToStore& item : items) {
    requests.push_back({item.action.piece, item.action.blocks, item.action.want_digests});
  }
  store.store_pieces(requests, [&](std::size_t which, StoreOutcome outcome) {
    const bool again =
        outcome.result != StoreResult::stored && outcome.result != StoreResult::hash_mismatch;
    items[which].outcome = std::move(outcome);
    if (!again) items[which].action.blocks.clear();  // back to the pool before anybody is told
  });
  return [this, items = std::move(items)]() mutable {
    job_ended();
    for (ToStore& item : items) {
      piece_done(item.action.piece);
      item.done(item.action.piece, item.outcome, std::move(item.action.blocks));
    }
  };
}

void StoreJobs::job_ended() {
  if (--storing_jobs_ == 0) release();
}

void StoreJobs::spill(SpillBlock action, UniqueFunction<void(BlockRef, bool, BlockBuffer)> done) {
  const PieceIndex piece = action.block.piece;
  for_piece(piece, Work([action = std::move(action), done = std::move(done)](Store& store) mutable {
              const bool kept = store.spill_block(action.block, action.buffer).has_value();
              if (kept) action.buffer = {};
              return Job([action = std::move(action), kept, done = std::move(done)]() mutable {
                done(action.block, kept, std::move(action.buffer));
              });
            }));
}

void StoreJobs::drop_spilled(PieceIndex piece) {
  for_piece(piece, Work([piece](Store& store) {
              store.drop_spilled(piece);
              return Job();
            }));
}

void StoreJobs::check_piece(PieceIndex piece, std::function<void(const Result<bool>&)> done) {
  for_piece(
      piece, Work([piece, done = std::move(done)](Store& store) {
        return Job([right = store.check_piece(piece), done = std::move(done)] { done(right); });
      }));
}

void StoreJobs::read(std::vector<BlockRange> ranges, link::SendBuffer out,
                     std::function<void(link::SendBuffer, const Result<void>&)> done) {
  post(DiskPool::Lane::read, [ranges = std::move(ranges), out = std::move(out),
                              done = std::move(done)](Store& store) mutable {
    Result<void> result;
    std::size_t offset = 0;
    store.read_ahead(ranges.back());  // what follows comes while these are waited for
    for (std::size_t i = 0; i < ranges.size() && result;) {
      const BlockRange range = link::merged_range(ranges, i);
      const auto read = store.read(range, out->bytes().subspan(offset, range.length), true);
      if (!read) result = read.error();
      offset += range.length;
    }
    return Job([out = std::move(out), result = std::move(result),
                done = std::move(done)]() mutable { done(std::move(out), result); });
  });
}

void StoreJobs::maintain(Work work) {
  maintenance_.push_back(std::move(work));
  if (maintenance_.size() == 1) next_maintenance();
}

void StoreJobs::next_maintenance() {
  if (maintenance_.empty()) return;
  post(DiskPool::Lane::store,
       [this, work = std::move(maintenance_.front())](Store& store) mutable -> Job {
         return [this, letter = work(store)]() mutable {
           maintenance_.pop_front();
           next_maintenance();
           if (letter) letter();
         };
       });
}

}  // namespace barter::net
