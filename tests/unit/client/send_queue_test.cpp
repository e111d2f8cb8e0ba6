#include "client/link/send_queue.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "torrent/random.hpp"

using namespace barter;
using namespace barter::link;

namespace {

BlockRange block(std::uint32_t piece, std::uint32_t begin, std::uint32_t length = 16384) {
  return {PieceIndex{piece}, begin, length};
}

// Gives the chunk bytes that tell their block.
void load(SendQueue& queue, std::span<const BlockRange> blocks) {
  SendBuffer data(new SendMemory(SendBuffers::large));
  std::size_t at = 0;
  for (const BlockRange& one : blocks) {
    std::memset(data->bytes().data() + at,
                static_cast<int>(to_number(one.piece) * 16 + one.begin / 16384), one.length);
    at += one.length;
  }
  queue.set_chunk_data(std::move(data));
}

// A stream that takes so many bytes at a time and keeps what it has begun until it is through.
class Taker {
 public:
  // Takes at most `most` bytes of what the queue offers.
  std::string write(SendQueue& queue, std::size_t most, std::vector<BlockRange>& sent) {
    std::vector<Segment*> offered;
    queue.offer(offered);
    std::string out = left_.substr(0, most);
    left_.erase(0, out.size());
    std::vector<Segment> done;
    if (left_.empty() && begun_) done.push_back(std::move(*std::exchange(begun_, std::nullopt)));
    std::size_t begun = 0;
    for (; begun < offered.size() && out.size() < most; ++begun) {
      std::string bytes;
      for (const auto part : {offered[begun]->head(), offered[begun]->body()})
        bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
      CHECK(bytes.size() == offered[begun]->size());
      left_ = bytes.substr(std::min(bytes.size(), most - out.size()));
      out += bytes.substr(0, bytes.size() - left_.size());
      if (left_.empty()) {
        done.push_back(std::move(*offered[begun]));
      } else {
        begun_ = std::move(*offered[begun]);
      }
    }
    queue.begun(begun);
    queue.done(done, sent, buffers_);
    return out;
  }
  std::size_t backlog() const { return left_.size(); }

 private:
  SendBuffers buffers_;
  std::optional<Segment> begun_;
  std::string left_;
};

// The messages of a stream, by a letter or number each.
std::string names(std::string_view stream) {
  std::string out;
  while (stream.size() >= 4) {
    std::size_t length = 0;
    for (int i = 0; i < 4; ++i)
      length = length << 8 | static_cast<unsigned char>(stream[static_cast<std::size_t>(i)]);
    if (stream.size() < 4 + length) return out + '!';
    switch (length == 0 ? -1 : stream[4]) {
      case 0:
        out += 'c';
        break;
      case 1:
        out += 'u';
        break;
      case 4:
        out += 'h';
        break;
      case 6:
        out += 'r';
        break;
      case 7: {
        out += static_cast<char>('0' + stream[8]);
        for (std::size_t i = 13; i < 4 + length; ++i) {
          if (stream[i] != stream[13]) return out + '?';
        }
        break;
      }
      default:
        out += '.';
    }
    stream.remove_prefix(4 + length);
  }
  return out;
}

}  // namespace

TEST_CASE("messages overtake blocks that have not begun") {
  SendQueue queue;
  std::vector<BlockRange> sent;
  Taker taker;
  queue.push_block(block(1, 0));
  queue.push_block(block(2, 0));
  load(queue, queue.begin_chunk(SendBuffers::large));
  queue.push(wire::Request{1, 2, 3});
  std::string out = taker.write(queue, 20'000, sent);  // the request, block 1 and some of block 2
  CHECK(sent == std::vector{block(1, 0)});
  queue.push_have(PieceIndex{5});
  out += taker.write(queue, 100'000, sent);
  CHECK(names(out) == "r12h");
  CHECK(sent.size() == 2);
  CHECK_FALSE(queue.anything_to_write());
}

TEST_CASE("a choke stays behind the blocks before it, and what follows stays behind the choke") {
  SendQueue queue;
  std::vector<BlockRange> sent;
  Taker taker;
  for (std::uint32_t i = 1; i <= 3; ++i) queue.push_block(block(i, 0));
  load(queue, queue.begin_chunk(2 * 16384));
  queue.push(wire::Choke{});
  queue.push(wire::Have{1});
  queue.push(wire::Unchoke{});
  queue.push_block(block(4, 0));
  std::string out = taker.write(queue, 1 << 20, sent);
  CHECK(names(out) == "12");
  const auto next = queue.begin_chunk(1 << 20);
  CHECK(next.size() == 1);  // not past the choke
  load(queue, next);
  out += taker.write(queue, 1 << 20, sent);
  out += taker.write(queue, 1 << 20, sent);
  load(queue, queue.begin_chunk(1 << 20));
  out += taker.write(queue, 1 << 20, sent);
  CHECK(names(out) == "123chu4");
}

TEST_CASE("cancelled blocks let the choke go") {
  SendQueue queue;
  std::vector<BlockRange> sent;
  Taker taker;
  queue.push_block(block(1, 0));
  queue.push(wire::Choke{});
  CHECK_FALSE(queue.anything_to_write());
  CHECK(queue.cancel_block(block(1, 0)));
  CHECK_FALSE(queue.cancel_block(block(1, 0)));
  CHECK(names(taker.write(queue, 100, sent)) == "c");
}

TEST_CASE("a block that has begun is not cancelled, one behind it is") {
  SendQueue queue;
  queue.push_block(block(1, 0));
  queue.push_block(block(1, 16384));
  load(queue, queue.begin_chunk(16384));
  CHECK_FALSE(queue.cancel_block(block(1, 0)));
  CHECK(queue.cancel_block(block(1, 16384)));
}

TEST_CASE("a chunk whose bytes cannot be read is given up, or shortened") {
  SendQueue queue;
  std::vector<BlockRange> sent;
  Taker taker;
  for (std::uint32_t i = 1; i <= 4; ++i) queue.push_block(block(i, 0));
  CHECK(queue.begin_chunk(1 << 20).size() == 4);
  queue.shorten_chunk(2);
  CHECK(queue.abandon_chunk() == std::vector{block(1, 0), block(2, 0)});
  load(queue, queue.begin_chunk(1 << 20));
  CHECK(names(taker.write(queue, 1 << 20, sent)) == "34");
}

TEST_CASE("adjacent blocks of a piece are one range") {
  const std::vector blocks = {block(1, 0), block(1, 16384), block(1, 32768, 100), block(1, 65536),
                              block(2, 0)};
  std::size_t end = 0;
  CHECK(merged_range(blocks, end) == block(1, 0, 32868));
  CHECK(end == 3);
  CHECK(merged_range(blocks, end) == block(1, 65536));
  CHECK(merged_range(blocks, end) == block(2, 0));
  CHECK(end == 5);
}

TEST_CASE("whatever the socket takes at a time, the stream is whole messages in order") {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    SendQueue queue;
    std::string out;
    std::vector<BlockRange> sent;
    Taker taker;
    std::size_t blocks = 0, messages = 0;
    for (int step = 0; step < 60; ++step) {
      switch (random.below(5)) {
        case 0:
          queue.push_block(block(static_cast<std::uint32_t>(random.below(8)),
                                 16384 * static_cast<std::uint32_t>(random.below(8)),
                                 1 + static_cast<std::uint32_t>(random.below(16384))));
          ++blocks;
          break;
        case 1:
          queue.push(wire::Have{1});
          ++messages;
          break;
        case 2:
          queue.push(random.chance(1, 2) ? wire::Message(wire::Choke{})
                                         : wire::Message(wire::Unchoke{}));
          ++messages;
          break;
        default:
          if (!queue.chunk_active() && queue.blocks_waiting()) {
            load(queue, queue.begin_chunk(random.below(100'000)));
          }
          out += taker.write(queue, random.below(30'000), sent);
      }
    }
    while (queue.anything_to_write() || queue.blocks_waiting() || taker.backlog() > 0) {
      if (!queue.chunk_active() && queue.blocks_waiting()) load(queue, queue.begin_chunk(100'000));
      out += taker.write(queue, 1 << 20, sent);
    }
    const std::string seen = names(out);
    INFO(seen);
    CHECK(seen.find_first_of("!?.") == std::string::npos);
    CHECK(seen.size() == blocks + messages);
    CHECK(sent.size() == blocks);
  }
}
