#include "client/net/mailbox.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace barter::net {

void Mailbox::post(Job letter) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    letters_.push_back(std::move(letter));
    if (std::exchange(scheduled_, true)) return;
  }
  boost::asio::post(context_, [self = shared_from_this()] { self->deliver(); });
}

void Mailbox::close() {
  std::vector<Job> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(letters_);
}

void Mailbox::deliver() {
  std::vector<Job> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(letters_);
    scheduled_ = false;
  }
  if (around) around(true);
  for (Job& letter : batch) letter();
  if (around) around(false);
}

}  // namespace barter::net
