// Mailbox: how other threads hand results to a network thread. However many arrive together, the
// network thread is woken once and runs them as one batch. Shared by both sides; bounded by what
// the receiver has asked for.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "client/net/unique_function.hpp"

namespace barter::net {

class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  explicit Mailbox(boost::asio::io_context& context) : context_(context) {}

  void post(Job letter);  // from any thread
  // Drops what waits and what will come. A letter may own who owns the mailbox: who ends with jobs
  // under way would otherwise never go.
  void close();
  // Called around each batch on the network thread: set once, before the first letter.
  std::function<void(bool begin)> around;

 private:
  void deliver();

  boost::asio::io_context& context_;
  std::mutex mutex_;
  std::vector<Job> letters_;
  bool scheduled_ = false;
  bool closed_ = false;
};

}  // namespace barter::net
