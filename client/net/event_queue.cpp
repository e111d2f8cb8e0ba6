#include "client/net/event_queue.hpp"

#include <pthread.h>

namespace barter::net {

namespace {

// May be missing in a long list without the list becoming wrong.
bool may_be_dropped(const TorrentEvent& event) {
  if (std::holds_alternative<CheckProgress>(event)) return true;
  const auto* notice = std::get_if<Notice>(&event);
  return notice != nullptr && !std::holds_alternative<WantedComplete>(*notice) &&
         !std::holds_alternative<DiskTrouble>(*notice) &&
         !std::holds_alternative<DiskRecovered>(*notice) &&
         !std::holds_alternative<WriteRefused>(*notice);
}

}  // namespace

EventQueue::EventQueue(TorrentHandler handler)
    : handler_(std::move(handler)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "barter-events");
}

EventQueue::~EventQueue() {
  close();
}

void EventQueue::close() {
  if (!thread_.joinable()) return;
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
    if (ending_) return;
    if (events_.size() + batch_left_ >= most_waiting && may_be_dropped(event)) return;
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
    batch_left_ = batch.size();
    lock.unlock();
    for (const auto& [torrent, event] : batch) {
      if (handler_) handler_(torrent, event);
    }
    batch.clear();
    lock.lock();
    batch_left_ = 0;
  }
}

}  // namespace barter::net
