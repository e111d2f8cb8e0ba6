// EventQueue: calls the user's handler on a thread of its own, in order, never from inside one of
// the user's calls.
//
// Bounded, for a handler that is slow or hangs: when `most_waiting` events wait, what is told of
// each piece, peer or announce, and progress, is dropped: the newest, as they come. What is told of
// the torrent as a whole (began, completed, failed, files or root changed) never is; a torrent has
// one of these in some seconds at most.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "client/torrent_event.hpp"

namespace barter::net {

class EventQueue {
 public:
  explicit EventQueue(TorrentHandler handler);
  static constexpr std::size_t most_waiting = 4096;

  ~EventQueue();  // close()
  // Delivers what is there, then ends; what comes later is dropped.
  void close();
  void post(TorrentId torrent, TorrentEvent event);  // from any thread

 private:
  void run();

  TorrentHandler handler_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::pair<TorrentId, TorrentEvent>> events_;
  std::size_t batch_left_ = 0;  // being delivered
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace barter::net
