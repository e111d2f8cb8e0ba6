#include "client/net/store_jobs.hpp"

#include <utility>

#include "client/net/send_queue.hpp"

namespace barter::net {

void StoreJobs::post(DiskPool::Lane lane, Work work) {
  ++pending_;
  disk_.post(lane, [this, owner = owner_.lock(), store = store_, mailbox = mailbox_,
                    work = std::move(work)]() mutable {
    Job letter = work(*store);
    work = {};
    Mailbox& to = *mailbox;
    to.post([this, owner = std::move(owner), letter = std::move(letter)]() mutable {
      --pending_;
      if (letter) letter();
    });
  });
}

void StoreJobs::for_piece(PieceIndex piece, Work work) {
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
  post(DiskPool::Lane::store,
       [this, piece, work = std::move(waiting.front())](Store& store) mutable -> Job {
         return [this, piece, letter = work(store)]() mutable {
           pieces_[piece].pop_front();
           next_of_piece(piece);
           if (letter) letter();
         };
       });
}

void StoreJobs::store(StorePiece action, Stored done) {
  const PieceIndex piece = action.piece;
  for_piece(piece, [action = std::move(action), done = std::move(done)](Store& store) mutable {
    StoreOutcome outcome = store.store_piece(action.piece, action.blocks, action.want_digests);
    const bool again =
        outcome.result == StoreResult::no_space || outcome.result == StoreResult::io_error;
    if (!again) action.blocks.clear();  // back to the pool before anybody is told
    return Job([action = std::move(action), outcome = std::move(outcome),
                done = std::move(done)]() mutable {
      done(action.piece, outcome, std::move(action.blocks));
    });
  });
}

void StoreJobs::spill(SpillBlock action, std::function<void(BlockRef, bool)> done) {
  const PieceIndex piece = action.block.piece;
  for_piece(piece, [action = std::move(action), done = std::move(done)](Store& store) mutable {
    const bool kept = store.spill_block(action.block, action.buffer).has_value();
    action.buffer = {};
    return Job([block = action.block, kept, done = std::move(done)] { done(block, kept); });
  });
}

void StoreJobs::drop_spilled(PieceIndex piece) {
  for_piece(piece, [piece](Store& store) {
    store.drop_spilled(piece);
    return Job();
  });
}

void StoreJobs::check_piece(PieceIndex piece, std::function<void(const Result<bool>&)> done) {
  for_piece(piece, [piece, done = std::move(done)](Store& store) {
    return Job([right = store.check_piece(piece), done = std::move(done)] { done(right); });
  });
}

void StoreJobs::read(std::vector<BlockRange> ranges, SendBuffer out,
                     std::function<void(SendBuffer, const Result<void>&)> done) {
  post(DiskPool::Lane::read, [ranges = std::move(ranges), out = std::move(out),
                              done = std::move(done)](Store& store) mutable {
    Result<void> result;
    std::size_t offset = 0;
    for (std::size_t i = 0; i < ranges.size() && result;) {
      const BlockRange range = merged_range(ranges, i);
      const auto read = store.read(range, {out.get() + offset, range.length}, true);
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
