// StoreJobs: one torrent's work for the disk pool. Posts jobs that call the Store and brings what
// they found back to the torrent's network thread, on which all of this is called. Jobs of one
// piece run one after the other, in the order given; so do maintenance jobs (sync, looking for
// changes). Decides nothing, but that pieces which complete close together are stored together: so
// that they can be hashed side by side (torrent/sha_lanes).
//
// Owned by the SwarmDriver, which every job keeps alive.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "chunkstore/store.hpp"
#include "client/link/send_buffers.hpp"
#include "client/net/disk_pool.hpp"
#include "client/net/mailbox.hpp"
#include "client/swarm/action.hpp"
#include "torrent/time.hpp"

namespace barter::net {

class StoreJobs {
 public:
  // Runs on the pool; what it returns runs on the network thread.
  using Work = UniqueFunction<Job(Store&)>;

  // `context` is the network thread's. Nothing else is called before set_store().
  StoreJobs(DiskPool& disk, std::shared_ptr<Mailbox> mailbox, boost::asio::io_context& context);
  void set_store(std::shared_ptr<Store> store, std::uint32_t piece_length);  // bytes
  void set_owner(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

  // The blocks come back if the disk had no room or failed.
  using Stored = UniqueFunction<void(PieceIndex, const StoreOutcome&, std::vector<BlockBuffer>)>;
  void store(StorePiece action, Stored done);
  // The block comes back if it could not be put aside.
  void spill(SpillBlock action, UniqueFunction<void(BlockRef, bool kept, BlockBuffer)> done);
  void drop_spilled(PieceIndex piece);
  void check_piece(PieceIndex piece, std::function<void(const Result<bool>&)> done);

  // Reads the ranges, adjacent ones by one call, one after the other
  // into `out`; `done` gets the first error.
  void read(std::vector<BlockRange> ranges, link::SendBuffer out,
            std::function<void(link::SendBuffer, const Result<void>&)> done);

  // One of these at a time.
  void maintain(Work work);

  // Any number at once; for a PieceCheck, which splits itself, before anything else is done.
  void check(Work work) { post(DiskPool::Lane::check, std::move(work)); }

  // The store closes, and its files can be opened by another. Nothing may be pending, nor come.
  void close_store() { store_ = nullptr; }
  const std::shared_ptr<Store>& store() const { return store_; }  // null before set_store()
  // Pieces that are being written and the like: 0 when the disk is at rest.
  std::size_t pending() const { return pending_ + gathered_; }

 private:
  struct ToStore {
    StorePiece action;
    Stored done;
    StoreOutcome outcome;
  };
  struct StoreQueue {  // from the network thread to the pool
    std::mutex mutex;
    std::deque<ToStore> waiting;
  };
  using PieceWork = std::variant<Work, ToStore>;

  void post(DiskPool::Lane lane, Work work);
  void for_piece(PieceIndex piece, PieceWork work);
  void next_of_piece(PieceIndex piece);
  void piece_done(PieceIndex piece);
  void gather(ToStore item);
  bool worth_waiting();
  void release();
  void job_ended();
  Job store_some(Store& store, StoreQueue& queue);
  void next_maintenance();

  std::shared_ptr<Store> store_;
  DiskPool& disk_;
  std::shared_ptr<Mailbox> mailbox_;
  std::weak_ptr<void> owner_;
  std::size_t pending_ = 0;
  // By piece: the jobs that wait for the one that runs. The front runs.
  std::map<PieceIndex, std::deque<PieceWork>> pieces_;
  std::shared_ptr<StoreQueue> to_store_ = std::make_shared<StoreQueue>();
  std::size_t together_ = 1;      // pieces that are stored together at most
  std::size_t gathered_ = 0;      // pieces in the queue for which no job was posted yet
  std::size_t storing_jobs_ = 0;  // posted for those before them
  boost::asio::steady_timer gathering_;
  TimePoint last_piece_{};
  Duration piece_gap_ = std::chrono::seconds(1);  // between two pieces, smoothed
  std::deque<Work> maintenance_;
};

}  // namespace barter::net
