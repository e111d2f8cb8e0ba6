// IoThreads: the network threads, each with an io_context of its own, and one more for what is not
// on the path of blocks: listeners, handshakes of strangers, names, trackers. Owned by the Client.
// A torrent is pinned to one network thread; all that belongs to it lives there.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "client/link/link_scratch.hpp"

namespace barter::net {

struct NetThread {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
      context.get_executor()};
  link::LinkScratch links;
};

class IoThreads {
 public:
  explicit IoThreads(unsigned network_threads);
  ~IoThreads();  // stop()
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  NetThread& next() { return *network_[next_++ % network_.size()]; }  // for one more torrent
  boost::asio::io_context& service() { return service_->context; }
  void stop();  // joins; contexts and what their queues own stay until destruction

 private:
  std::vector<std::unique_ptr<NetThread>> network_;
  std::unique_ptr<NetThread> service_;
  std::atomic<unsigned> next_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace barter::net
