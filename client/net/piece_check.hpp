// PieceCheck: hashes many pieces on the disk pool, in slices, so that other jobs get their turn,
// and on all its threads. Shared by its jobs; progress may be read from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "chunkstore/store.hpp"
#include "client/net/store_jobs.hpp"

namespace barter::net {

class PieceCheck : public std::enable_shared_from_this<PieceCheck> {
 public:
  struct Outcome {
    std::vector<PieceIndex> right;
    std::optional<Error> error;  // the check could not go on
  };
  // `done` runs on the network thread.
  PieceCheck(StoreJobs& jobs, std::shared_ptr<const Metainfo> metainfo,
             std::vector<PieceIndex> pieces, std::function<void(const Outcome&)> done);
  void start(unsigned threads);
  void cancel() { cancelled_ = true; }  // `done` follows all the same, with what was found

  std::uint64_t bytes_done() const { return bytes_done_.load(std::memory_order_relaxed); }
  std::uint64_t bytes_total() const { return bytes_total_; }

 private:
  void slice();
  Job run_slice(Store& store);

  StoreJobs& jobs_;
  const std::shared_ptr<const Metainfo> metainfo_;
  const std::vector<PieceIndex> pieces_;
  const std::function<void(const Outcome&)> done_;
  std::uint64_t bytes_total_ = 0;
  std::size_t at_once_ = 1;  // pieces hashed side by side by one thread
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::uint64_t> bytes_done_ = 0;
  std::atomic<bool> cancelled_ = false;
  unsigned running_ = 0;
  std::mutex mutex_;  // of outcome_
  Outcome outcome_;
};

}  // namespace barter::net
