#include "client/net/disk_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace barter::net {

DiskPool::DiskPool(unsigned threads) {
  threads_.reserve(std::max(threads, 1U));
  running_ = std::max(threads, 1U);
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
    threads_.emplace_back([this] { run(); });
    pthread_setname_np(threads_.back().native_handle(), "barter-disk");
  }
}

DiskPool::~DiskPool() {
  stop(std::chrono::hours(24 * 365));
}

void DiskPool::post(Lane lane, Job job) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    lanes_[static_cast<std::size_t>(lane)].push_back(std::move(job));
    wake = idle_ > 0;
  }
  if (wake) work_.notify_one();
}

bool DiskPool::take(Job& job) {
  for (auto& lane : lanes_) {
    if (lane.empty()) continue;
    job = std::move(lane.front());
    lane.pop_front();
    return true;
  }
  return false;
}

void DiskPool::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    Job job;
    if (!take(job)) {
      ++idle_;
      work_.wait(lock);
      --idle_;
      continue;
    }
    lock.unlock();
    job();
    job = {};  // what it owns goes back before the lock is taken
    lock.lock();
  }
  --running_;
  ended_.notify_all();
}

bool DiskPool::stop(Duration patience) {
  std::array<std::deque<Job>, 3> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(lanes_);
  }
  work_.notify_all();
  dropped = {};  // what they own may want to post
  {
    std::unique_lock lock(mutex_);
    if (!ended_.wait_for(lock, patience, [this] { return running_ == 0; })) {
      for (std::thread& thread : threads_) thread.detach();
      return false;
    }
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  return true;
}

}  // namespace barter::net
