#include "client/net/event_queue.hpp"

#include <pthread.h>

namespace barter::net {

EventQueue::EventQueue(TorrentHandler handler)
    : handler_(std::move(handler)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "barter-events");
}

EventQueue::~EventQueue() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

void EventQueue::post(TorrentId torrent, TorrentEvent event) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = events_.empty();
    events_.emplace_back(torrent, std::move(event));
  }
  if (wake) arrived_.notify_one();
}

void EventQueue::run() {
  std::vector<std::pair<TorrentId, TorrentEvent>> batch;
  std::unique_lock lock(mutex_);
  while (true) {
    arrived_.wait(lock, [this] { return !events_.empty() || ending_; });
    if (events_.empty()) return;
    batch.swap(events_);
    lock.unlock();
    for (const auto& [torrent, event] : batch) {
      if (handler_) handler_(torrent, event);
    }
    batch.clear();
    lock.lock();
  }
}

}  // namespace barter::net
