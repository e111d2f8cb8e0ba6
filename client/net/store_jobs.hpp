// StoreJobs: one torrent's work for the disk pool. Posts jobs that call the Store and brings what
// they found back to the torrent's network thread, on which all of this is called. Jobs of one
// piece run one after the other, in the order given; so do maintenance jobs (sync, looking for
// changes). Decides nothing.
//
// Owned by the SwarmDriver, which every job keeps alive.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "chunkstore/store.hpp"
#include "client/net/disk_pool.hpp"
#include "client/net/mailbox.hpp"
#include "client/net/send_buffers.hpp"
#include "client/swarm/action.hpp"

namespace barter::net {

class StoreJobs {
 public:
  // Runs on the pool; what it returns runs on the network thread.
  using Work = UniqueFunction<Job(Store&)>;

  StoreJobs(std::shared_ptr<Store> store, DiskPool& disk, std::shared_ptr<Mailbox> mailbox)
      : store_(std::move(store)), disk_(disk), mailbox_(std::move(mailbox)) {}
  void set_owner(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

  // The blocks come back if the disk had no room or failed.
  using Stored = UniqueFunction<void(PieceIndex, const StoreOutcome&, std::vector<BlockBuffer>)>;
  void store(StorePiece action, Stored done);
  void spill(SpillBlock action, std::function<void(BlockRef, bool kept)> done);
  void drop_spilled(PieceIndex piece);
  void check_piece(PieceIndex piece, std::function<void(const Result<bool>&)> done);

  // Reads the ranges, adjacent ones by one call, one after the other into `out`; `done` gets the
  // first error.
  void read(std::vector<BlockRange> ranges, SendBuffer out,
            std::function<void(SendBuffer, const Result<void>&)> done);

  // One of these at a time.
  void maintain(Work work);
  bool maintaining() const { return !maintenance_.empty(); }

  // Any number at once; for a PieceCheck, which splits itself, before anything else is done.
  void check(Work work) { post(DiskPool::Lane::check, std::move(work)); }

  const std::shared_ptr<Store>& store() const { return store_; }
  // Pieces that are being written and the like: 0 when the disk is at rest.
  std::size_t pending() const { return pending_; }

 private:
  void post(DiskPool::Lane lane, Work work);
  void for_piece(PieceIndex piece, Work work);
  void next_of_piece(PieceIndex piece);
  void next_maintenance();

  std::shared_ptr<Store> store_;
  DiskPool& disk_;
  std::shared_ptr<Mailbox> mailbox_;
  std::weak_ptr<void> owner_;
  std::size_t pending_ = 0;
  // By piece: the jobs that wait for the one that runs. The front runs.
  std::map<PieceIndex, std::deque<Work>> pieces_;
  std::deque<Work> maintenance_;
};

}  // namespace barter::net
