// DiskPool: the threads on which everything that may wait for a disk
// is done: hashing, writing, reading, checking. Owned by the Client.
// Jobs of one lane run in the order given, but side by side.
//
// Nothing is refused here; those who post bound the queues: reads by
// one for each connection, stores and spills by the block pool (their
// buffers come from it), checks by a few for each torrent.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "client/net/unique_function.hpp"
#include "torrent/time.hpp"

namespace barter::net {

class DiskPool {
 public:
  // In the order in which waiting jobs are taken up. A peer waits for a read, memory for a store; a
  // check has time.
  enum class Lane : unsigned char { read, store, check };

  explicit DiskPool(unsigned threads);
  ~DiskPool();  // stop(), however long it takes
  DiskPool(const DiskPool&) = delete;
  DiskPool& operator=(const DiskPool&) = delete;

  void post(Lane lane, Job job);  // from any thread; dropped after stop()
  unsigned threads() const { return static_cast<unsigned>(threads_.size()); }
  // Waits for the jobs that run, drops those that wait. False if they have not ended in time: the
  // pool must then not be destroyed. Not from a job.
  bool stop(Duration patience);

 private:
  void run();
  bool take(Job& job);

  std::mutex mutex_;
  std::condition_variable work_;
  std::array<std::deque<Job>, 3> lanes_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::size_t running_ = 0;  // threads
  std::condition_variable ended_;
  std::vector<std::thread> threads_;
};

}  // namespace barter::net
