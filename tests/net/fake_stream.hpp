// FakeStream: a Stream without a socket: hands out so many bytes at a time and takes so many. The
// test says when a wait is over. One thread.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/link/stream.hpp"

namespace barter::test {

class FakeStream final : public link::Stream {
 public:
  std::string incoming;           // not read yet
  std::size_t read_step = 1;      // bytes a read
  std::string written;            // passed on
  std::size_t write_step = 1000;  // bytes a write
  std::size_t room = SIZE_MAX;    // bytes that it takes in all
  int error = 0;                  // of the next read or write
  bool ended = false;             // by the peer, behind `incoming`
  bool closed = false;

  // Ends the waits that are due; false: there are none.
  bool turn() {
    const bool readable = !incoming.empty() || ended || at_once_ || closed;
    auto reader = readable ? std::exchange(reader_, {}) : nullptr;
    auto writer = room > 0 || closed ? std::exchange(writer_, {}) : nullptr;
    if (reader) at_once_ = false;
    if (reader) reader->on_readable();
    if (writer) writer->on_writable();
    return reader || writer;
  }

  Written write(std::span<link::Segment* const> offered,
                std::vector<link::Segment>& done) override {
    if (error != 0) return {0, std::exchange(error, 0)};
    std::size_t left = std::min(write_step, room);
    room -= left;
    const auto take = [&](std::string& bytes) {
      const std::size_t count = std::min(left, bytes.size());
      written += bytes.substr(0, count);
      bytes.erase(0, count);
      left -= count;
    };
    take(rest_);
    if (rest_.empty() && begun_) done.push_back(std::move(*std::exchange(begun_, {})));
    std::size_t begun = 0;
    for (; begun < offered.size() && left > 0; ++begun) {
      rest_ = bytes_of(*offered[begun]);
      begun_ = std::move(*offered[begun]);
      take(rest_);
      if (rest_.empty()) done.push_back(std::move(*std::exchange(begun_, {})));
    }
    room += left;
    return {begun, 0};
  }
  std::size_t backlog() const override { return rest_.size(); }
  void wait_writable(std::shared_ptr<Waiter> waiter) override { writer_ = std::move(waiter); }
  void close() override { closed = true; }
  bool move_to(boost::asio::io_context&) override { return !closed; }

 private:
  static std::string bytes_of(link::Segment& segment) {
    std::string out;
    for (const auto part : {segment.head(), segment.body()}) {
      out.append(reinterpret_cast<const char*>(part.data()), part.size());
    }
    return out;
  }
  Received receive(std::span<const iovec> rooms) override {
    if (error != 0) return {Received::What::failure, 0, std::exchange(error, 0)};
    if (incoming.empty() && ended) return {Received::What::end, 0, 0};
    if (incoming.empty()) return {Received::What::would_block, 0, EAGAIN};
    std::size_t moved = 0;
    for (const iovec& one : rooms) {
      const std::size_t count = std::min({one.iov_len, incoming.size(), read_step - moved});
      std::memcpy(one.iov_base, incoming.data(), count);
      incoming.erase(0, count);
      moved += count;
    }
    return {Received::What::bytes, moved, 0};
  }
  void wait_for_bytes(std::shared_ptr<Waiter> waiter, bool at_once) override {
    reader_ = std::move(waiter);
    at_once_ = at_once;
  }

  std::shared_ptr<Waiter> reader_, writer_;
  bool at_once_ = false;
  std::optional<link::Segment> begun_;
  std::string rest_;  // of it
};

}  // namespace barter::test
