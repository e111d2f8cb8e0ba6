// EventQueue: calls the user's handler on a thread of its own, in order, never from inside one of
// the user's calls. Unbounded in count, but what is told often is told by rounds (progress), not by
// blocks.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "client/client.hpp"

namespace barter::net {

class EventQueue {
 public:
  explicit EventQueue(TorrentHandler handler);
  ~EventQueue();                                     // delivers what is there, then ends
  void post(TorrentId torrent, TorrentEvent event);  // from any thread

 private:
  void run();

  TorrentHandler handler_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::pair<TorrentId, TorrentEvent>> events_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace barter::net
