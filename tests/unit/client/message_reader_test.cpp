#include "client/wire/message_reader.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <deque>
#include <string>

#include "torrent/digest.hpp"
#include "torrent/layout.hpp"
#include "torrent/random.hpp"

using namespace barter;
using namespace barter::wire;

namespace {

std::string raw_piece(std::uint32_t piece, std::uint32_t begin, std::string_view data) {
  std::array<std::byte, piece_header_length> header{};
  encode_piece_header(piece, begin, static_cast<std::uint32_t>(data.size()), header);
  return std::string(as_text(header)) + std::string(data);
}

std::string raw(const Message& message) {
  std::vector<std::byte> out;
  encode(message, out);
  return std::string(as_text(out));
}

std::string block_bytes(std::uint32_t seed, std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = static_cast<char>((i * 131 + seed * 7919) >> (i % 5));
  }
  return out;
}

// Puts up to `limit` bytes of `stream` where the spans point, as readv would.
std::size_t fill(std::span<const std::span<std::byte>> spans, std::string_view stream,
                 std::size_t limit) {
  std::size_t done = 0;
  for (const auto& span : spans) {
    const std::size_t n = std::min({span.size(), stream.size() - done, limit - done});
    if (n > 0) std::memcpy(span.data(), stream.data() + done, n);
    done += n;
  }
  return done;
}

struct Outcome {
  std::string bytes;  // of the messages, encoded again
  std::size_t messages = 0;
  MessageReader::Next last = MessageReader::Next::need_bytes;
  std::size_t reads = 0;
};

// Feeds `stream` in reads of `size(i)` bytes and encodes again whatever comes out.
template <class Size, class Due>
Outcome read_all(MessageReader& reader, std::string_view stream, Size size, Due due) {
  Outcome out;
  std::vector<std::byte> encoded;
  while (true) {
    Message message;
    while ((out.last = reader.next(message)) == MessageReader::Next::message) {
      ++out.messages;
      encode(message, encoded);
    }
    if (out.last != MessageReader::Next::need_bytes || stream.empty()) break;
    const auto spans = reader.prepare(due());
    REQUIRE_FALSE(spans.empty());
    const std::size_t n = fill(spans, stream, size(out.reads));
    reader.commit(n);
    stream.remove_prefix(n);
    ++out.reads;
  }
  out.bytes = std::string(as_text(encoded));
  return out;
}

// Every kind of message, with blocks of several lengths between.
std::string mixed_stream() {
  std::string out;
  out += raw(BitfieldMessage{std::vector<std::byte>(100, std::byte{0x5a})});
  out += raw(Unchoke{});
  out += raw_piece(0, 0, block_bytes(1, block_length));
  out += raw_piece(0, block_length, block_bytes(2, block_length));
  out += raw(Have{5});
  out += raw_piece(1, 0, block_bytes(3, block_length));
  out += raw(Request{1, 2, 3});
  out += raw(KeepAlive{});
  out += raw(Have{6});
  out += raw_piece(1, block_length, block_bytes(4, 777));
  out += raw_piece(2, 0, block_bytes(5, 1));
  out += raw_piece(3, 0, block_bytes(6, block_length));
  out += raw(Choke{});
  out += raw(Reject{3, 16384, 16384});
  return out;
}

}  // namespace

TEST_CASE("a stream cut at any one byte gives the same messages") {
  const std::string stream = mixed_stream();
  BlockPool pool(64);
  for (const std::uint32_t due : {0U, 1U, 3U, 100U}) {
    for (std::size_t cut = 0; cut <= stream.size(); cut += (cut % 16384 > 400 ? 101 : 1)) {
      MessageReader reader(pool);
      const auto size = [&](std::size_t read) { return read == 0 ? cut : stream.size(); };
      const Outcome out = read_all(reader, stream, size, [&] { return due; });
      if (out.bytes != stream || out.messages != 14) FAIL("due " << due << ", cut at " << cut);
    }
  }
  CHECK(pool.in_use() == 0);
}

TEST_CASE("a stream in pieces of any one size gives the same messages") {
  const std::string stream = mixed_stream();
  BlockPool pool(64);
  for (const std::size_t piece :
       {1, 2, 3, 4, 5, 7, 9, 12, 13, 14, 17, 100, 4096, 16384, 16397, 40000}) {
    for (const std::uint32_t due : {0U, 2U, 50U}) {
      MessageReader reader(pool);
      const Outcome out = read_all(
          reader, stream, [&](std::size_t) { return piece; }, [&] { return due; });
      INFO("due " << due << ", reads of " << piece);
      CHECK(out.bytes == stream);
      CHECK(out.messages == 14);
    }
  }
}

TEST_CASE("random streams in random reads come out as they went in") {
  Random random(20261120);
  BlockPool pool(64);
  for (int round = 0; round < 300; ++round) {
    std::string stream;
    std::size_t messages = 0;
    for (std::uint64_t i = random.below(40); i > 0; --i, ++messages) {
      switch (random.below(8)) {
        case 0:
          stream += raw(Have{static_cast<std::uint32_t>(random.next())});
          break;
        case 1:
          stream += raw(Request{1, 2, 3});
          break;
        case 2:
          stream += raw(KeepAlive{});
          break;
        case 3:
          stream += raw(BitfieldMessage{std::vector<std::byte>(random.below(20000))});
          break;
        case 4:
          stream += raw_piece(1, 0, block_bytes(9, 1 + random.below(block_length)));
          break;
        default:
          stream += raw_piece(2, 0, block_bytes(8, block_length));
      }
    }
    MessageReader reader(pool);
    const auto size = [&](std::size_t) {
      return random.chance(1, 3) ? 1 + random.below(40) : 1 + random.below(100'000);
    };
    const auto due = [&] { return static_cast<std::uint32_t>(random.below(20)); };
    const Outcome out = read_all(reader, stream, size, due);
    INFO("round " << round);
    CHECK(out.bytes == stream);
    CHECK(out.messages == messages);
  }
  CHECK(pool.in_use() == 0);
}

TEST_CASE("in steady state a block stays where the kernel put it, several to a read") {
  BlockPool pool(64);
  MessageReader reader(pool);
  std::string stream;
  for (std::uint32_t i = 0; i < 64; ++i) stream += raw_piece(i, 0, block_bytes(i, block_length));
  std::string_view left = stream;
  std::size_t reads = 0, blocks = 0;
  while (!left.empty()) {
    const auto spans = reader.prepare(100);
    std::vector<const std::byte*> targets;
    for (std::size_t i = 1; i < spans.size(); i += 2) targets.push_back(spans[i].data());
    const std::size_t n = fill(spans, left, left.size());
    reader.commit(n);
    left.remove_prefix(n);
    ++reads;
    Message message;
    std::size_t in_read = 0;
    while (reader.next(message) == MessageReader::Next::message) {
      REQUIRE(std::holds_alternative<Piece>(message));
      const Piece& piece = std::get<Piece>(message);
      CHECK(piece.block.data() == targets[in_read++]);
      CHECK(as_text(piece.block.bytes()) == block_bytes(piece.piece, block_length));
      ++blocks;
    }
  }
  CHECK(blocks == 64);
  CHECK(reads <= 8);  // 1, 2, 4, 8, 16, 16, 16, ...
}

TEST_CASE("short messages between blocks move them by a few bytes, and cost few reads more") {
  // Many shapes of what stands between: the shift may end in a header, at its edge, in a block.
  const std::string have = raw(Have{3}), keep_alive = raw(KeepAlive{}),
                    request = raw(Request{1, 2, 3});
  for (const std::string& between :
       {have, keep_alive, keep_alive + have, request, have + have, have + request + have,
        raw(BitfieldMessage{std::vector<std::byte>(5000, std::byte{0x5a})}),
        raw(BitfieldMessage{std::vector<std::byte>(20'000, std::byte{0x5a})})}) {
    BlockPool pool(64);
    MessageReader reader(pool);
    std::string stream;
    for (std::uint32_t i = 0; i < 64; ++i) {
      stream += raw_piece(i, 0, block_bytes(i, block_length));
      if (i % 8 == 7) stream += between;
    }
    const auto all = [&](std::size_t) { return stream.size(); };
    const Outcome out = read_all(reader, stream, all, [] { return 100; });
    CHECK(out.bytes == stream);
    CHECK(out.reads <= (between.size() < block_length ? 20 : 25));
    CHECK(pool.in_use() <= 16);
  }
}

TEST_CASE("with an empty pool the reader asks for nothing, and goes on when a buffer is back") {
  BlockPool pool(2);
  MessageReader reader(pool);
  BlockBuffer first = pool.take();
  BlockBuffer second = pool.take();
  CHECK(reader.prepare(5).empty());
  first = {};
  CHECK_FALSE(reader.prepare(5).empty());

  // A block that nobody expected, and no buffer for it.
  BlockPool small(1);
  BlockBuffer only = small.take();
  MessageReader other(small);
  const std::string stream = raw(Have{1}) + raw_piece(7, 0, "data") + raw(Have{2});
  const auto spans = other.prepare(0);
  other.commit(fill(spans, stream, stream.size()));
  Message message;
  CHECK(other.next(message) == MessageReader::Next::message);
  CHECK(other.next(message) == MessageReader::Next::need_buffer);
  CHECK(other.next(message) == MessageReader::Next::need_buffer);
  CHECK(other.prepare(3).empty());
  only = {};
  CHECK(other.next(message) == MessageReader::Next::message);
  REQUIRE(std::holds_alternative<Piece>(message));
  CHECK(as_text(std::get<Piece>(message).block.bytes()) == "data");
  CHECK(other.next(message) == MessageReader::Next::message);
  CHECK(other.next(message) == MessageReader::Next::need_bytes);
}

TEST_CASE("a read that brings nothing changes nothing") {
  BlockPool pool(8);
  MessageReader reader(pool);
  const std::string stream = raw_piece(1, 0, block_bytes(3, block_length));
  std::string_view left = stream;
  Message message;
  for (const std::size_t n : {5, 0, 0, 3, 0, 4000, 0, 100000}) {
    const auto spans = reader.prepare(2);
    const std::size_t put = fill(spans, left, n);
    reader.commit(put);
    left.remove_prefix(put);
    if (put > 0 && !left.empty()) CHECK(reader.next(message) == MessageReader::Next::need_bytes);
  }
  REQUIRE(reader.next(message) == MessageReader::Next::message);
  CHECK(raw(message) == stream);
}

TEST_CASE("a message longer than its kind may be is refused by its first five bytes") {
  struct Row {
    std::uint32_t length;
    Id id;
  };
  for (const Row row : {Row{0xffffffff, Id::piece},
                        {9 + 16385, Id::piece},
                        {9, Id::piece},
                        {2, Id::choke},
                        {6, Id::have},
                        {4, Id::have},
                        {1, Id::request},
                        {14, Id::request},
                        {102, Id::bitfield},
                        {0x80000000, Id::extended},
                        {1 << 24, static_cast<Id>(99)}}) {
    for (const std::uint32_t due : {0U, 4U}) {
      BlockPool pool(8);
      ReaderLimits limits;
      limits.bitfield_bytes = 100;
      MessageReader reader(pool, limits);
      std::string stream(4, '\0');
      for (int i = 0; i < 4; ++i)
        stream[static_cast<std::size_t>(i)] = static_cast<char>(row.length >> (24 - 8 * i));
      stream += static_cast<char>(row.id);
      stream += std::string(40, 'x');
      const Outcome out = read_all(
          reader, stream, [](std::size_t) { return 50; }, [&] { return due; });
      INFO("id " << static_cast<int>(row.id) << ", length " << row.length << ", due " << due);
      CHECK(out.last == MessageReader::Next::violation);
      CHECK_FALSE(reader.violation().empty());
      CHECK(out.messages == 0);
    }
  }
}

TEST_CASE("staging grows with what arrives, not with what is declared") {
  BlockPool pool(8);
  MessageReader reader(pool);
  const std::string stream = raw(BitfieldMessage{std::vector<std::byte>(500'000, std::byte{1})});
  std::string_view left = stream;
  std::size_t taken = 0;
  Message message;
  while (!left.empty()) {
    const auto spans = reader.prepare(0);
    std::size_t room = 0;
    for (const auto& span : spans) room += span.size();
    CHECK(room <= std::max<std::size_t>(2 * taken, 8192));
    const std::size_t n = fill(spans, left, left.size());
    reader.commit(n);
    left.remove_prefix(n);
    taken += n;
    if (!left.empty()) REQUIRE(reader.next(message) == MessageReader::Next::need_bytes);
  }
  REQUIRE(reader.next(message) == MessageReader::Next::message);
  CHECK(raw(message) == stream);
}
