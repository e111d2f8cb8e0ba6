// Stream: bytes both ways to one peer, with back pressure, whatever carries them. It knows no
// messages. Owned by whoever talks over it, on one network thread at a time; it takes no locks.
//
// To drive it:
//   read() until it would block, then wait_readable(); the waiter reads on.
//   write() what there is; where the stream takes no more, or has a backlog, wait_writable().
//   What write() has begun is the stream's until it comes back in `done`, in order.
//   close() ends it; waiters under way are still called once.
//
// Invariants:
//   1. Bytes that were put back are read before any others, and make wait_readable() fire.
//   2. A segment is offered's or the stream's, whole: it is begun if one byte of it was taken.
//   3. After close() read() and write() fail and move nothing.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "client/link/segment.hpp"

namespace boost::asio {
class io_context;
}

namespace barter::link {

class Stream {
 public:
  // Who waits. The stream keeps it alive from a wait until its call.
  class Waiter {
   public:
    virtual void on_readable() = 0;
    virtual void on_writable() = 0;

   protected:
    ~Waiter() = default;
  };

  struct Received {
    enum class What : std::uint8_t { bytes, would_block, end, failure };
    What what = What::would_block;
    std::size_t bytes = 0;
    int error = 0;  // errno, of a failure
  };
  struct Written {
    std::size_t begun = 0;  // segments, of those offered
    int error = 0;          // errno; 0: none
  };

  virtual ~Stream() = default;

  // Fills `rooms` in order, as far as there are bytes.
  Received read(std::span<const iovec> rooms);
  // Offers segments in order: those begun are moved from. Appends to `done`
  // which segments are needed no more, also of earlier calls.
  virtual Written write(std::span<Segment* const> offered, std::vector<Segment>& done) = 0;
  // Bytes of begun segments that it could not pass on yet.
  virtual std::size_t backlog() const = 0;

  void wait_readable(std::shared_ptr<Waiter> waiter);
  virtual void wait_writable(std::shared_ptr<Waiter> waiter) = 0;
  virtual void close() = 0;

  // Bytes that were read too early: they are read again first.
  void put_back(std::span<const std::byte> bytes);
  // To another network thread, of which `context` is. By the one it
  // leaves; nobody waits. False: it is closed.
  virtual bool move_to(boost::asio::io_context& context) = 0;

 protected:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

 private:
  virtual Received receive(std::span<const iovec> rooms) = 0;
  // `at_once`: what is asked for is there already. Never from within the call.
  virtual void wait_for_bytes(std::shared_ptr<Waiter> waiter, bool at_once) = 0;

  std::vector<std::byte> inside_;  // put back, and not read yet
};

}  // namespace barter::link
