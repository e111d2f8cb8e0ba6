// A PeerLink over a stream that gives and takes as little as it likes.
#include "client/link/peer_link.hpp"

#include <catch2/catch.hpp>
#include <deque>

#include "tests/net/fake_stream.hpp"
#include "torrent/random.hpp"

using namespace barter;
using namespace barter::link;
using barter::test::FakeStream;

namespace {

constexpr std::size_t most_control = 1000;

class Owner final : public LinkOwner {
 public:
  std::uint32_t due = 0;
  TimePoint listen{};
  bool on_disk = false;  // bytes come later
  std::optional<Errc> unreadable;
  std::vector<wire::Message> got;
  std::vector<BlockRange> gone;
  std::vector<SendFailure> failures;
  std::optional<DisconnectReason> ended;
  int endings = 0, metadata = 0, starved = 0;
  struct Later {
    std::shared_ptr<PeerLink> link;
    std::vector<BlockRange> blocks;
    SendBuffer out;
  };
  std::deque<Later> later;

  std::uint32_t blocks_due(ConnectionId) const override { return due; }
  TimePoint listen_at(ConnectionId) const override { return listen; }
  void received(PeerLink&, std::span<wire::Message> messages) override {
    for (wire::Message& one : messages) got.push_back(std::move(one));
  }
  void sent(PeerLink&, std::span<const BlockRange> blocks) override {
    gone.insert(gone.end(), blocks.begin(), blocks.end());
  }
  void metadata_sent(PeerLink&) override { ++metadata; }
  void not_sent(PeerLink&, std::span<const BlockRange> blocks, SendFailure failure) override {
    failures.insert(failures.end(), blocks.size(), failure);
  }
  void lost(PeerLink&, DisconnectReason reason, const std::string&) override {
    ended = reason;
    ++endings;
  }
  // A block is full of the number of its piece.
  static void fill(BlockRange range, std::span<std::byte> out) {
    std::fill(out.begin(), out.begin() + range.length,
              static_cast<std::byte>(to_number(range.piece)));
  }
  Result<bool> read_now(BlockRange range, std::span<std::byte> out) override {
    if (unreadable) return Error{*unreadable, "x"};
    if (on_disk) return false;
    fill(range, out);
    return true;
  }
  void read_later(std::shared_ptr<PeerLink> link, std::vector<BlockRange> blocks,
                  SendBuffer out) override {
    later.push_back({std::move(link), std::move(blocks), std::move(out)});
  }
  void await_buffers(std::shared_ptr<PeerLink>) override { ++starved; }
};

struct Fixture {
  boost::asio::io_context context;
  LinkScratch scratch;
  BlockPool pool{100};
  Owner owner;
  FakeStream* stream = nullptr;
  std::shared_ptr<PeerLink> link;

  explicit Fixture(std::unique_ptr<FakeStream> made = std::make_unique<FakeStream>())
      : stream(made.get()),
        link(std::make_shared<PeerLink>(std::move(made), ConnectionId{1}, owner, context, scratch,
                                        pool, wire::ReaderLimits{}, most_control)) {}
  ~Fixture() {
    link->close();
    stream->turn();  // what waits keeps the link
  }
  void settle() {
    while (stream->turn() || context.poll() > 0) context.restart();
  }
};

std::string encoded(const wire::Message& message) {
  std::vector<std::byte> out;
  wire::encode(message, out);
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

std::string block_message(std::uint32_t piece, std::uint32_t begin, std::uint32_t length) {
  std::array<std::byte, wire::piece_header_length> header{};
  wire::encode_piece_header(piece, begin, length, header);
  std::string out(reinterpret_cast<const char*>(header.data()), header.size());
  return out.append(length, static_cast<char>(piece));
}

// The messages of what was written, one word each: a block by its piece, and `!` if it is broken.
std::string words(std::string_view bytes) {
  BlockPool pool(100);
  wire::MessageReader reader(pool);
  std::string out;
  wire::Message message;
  const auto take = [&] {
    while (reader.next(message) == wire::MessageReader::Next::message) {
      if (std::holds_alternative<wire::Choke>(message)) out += 'c';
      if (std::holds_alternative<wire::Have>(message)) out += 'h';
      const auto* piece = std::get_if<wire::Piece>(&message);
      if (piece == nullptr) continue;
      out += static_cast<char>('0' + piece->piece);
      for (const std::byte one : piece->block.bytes())
        if (one != static_cast<std::byte>(piece->piece)) out += '!';
    }
  };
  take();
  while (!bytes.empty()) {
    std::size_t moved = 0;
    for (const auto& room : reader.prepare(0)) {
      const std::size_t count = std::min(room.size(), bytes.size() - moved);
      std::memcpy(room.data(), bytes.data() + moved, count);
      moved += count;
    }
    reader.commit(moved);
    bytes.remove_prefix(moved);
    take();
  }
  return out;
}

BlockRange block(std::uint32_t piece, std::uint32_t length = 16384) {
  return {PieceIndex{piece}, 0, length};
}

}  // namespace

TEST_CASE("a link reads whole messages, however little comes at a time") {
  const std::size_t step = GENERATE(1U, 7U, 20'000U);
  Fixture f;
  f.stream->read_step = step;
  f.owner.due = 2;
  f.link->start();
  f.stream->incoming = encoded(wire::Have{7}) + block_message(3, 0, 16384) +
                       encoded(wire::Choke{}) + block_message(4, 16384, 100);
  f.settle();
  REQUIRE(f.owner.got.size() == 4);
  CHECK(std::get<wire::Have>(f.owner.got[0]).piece == 7);
  CHECK(std::get<wire::Piece>(f.owner.got[1]).block.size() == 16384);
  CHECK(std::holds_alternative<wire::Choke>(f.owner.got[2]));
  const auto& last = std::get<wire::Piece>(f.owner.got[3]);
  CHECK(last.begin == 16384);
  CHECK(last.block.bytes()[99] == std::byte{4});
  CHECK_FALSE(f.owner.ended);
}

TEST_CASE("bytes that were put back are read first, without another byte to wait for") {
  auto stream = std::make_unique<FakeStream>();
  const std::string early = encoded(wire::Have{1}) + encoded(wire::Have{2}).substr(0, 5);
  stream->put_back(as_bytes(early));
  Fixture f(std::move(stream));
  f.link->start();
  CHECK(f.owner.got.size() == 1);
  f.stream->incoming = encoded(wire::Have{2}).substr(5);
  f.settle();
  CHECK(f.owner.got.size() == 2);
}

TEST_CASE("a wait for bytes that are inside ends by itself") {
  FakeStream stream;
  stream.put_back(as_bytes("ab"));
  struct Waiter final : Stream::Waiter {
    int readable = 0;
    void on_readable() override { ++readable; }
    void on_writable() override {}
  };
  const auto waiter = std::make_shared<Waiter>();
  stream.wait_readable(waiter);
  CHECK(waiter->readable == 0);  // not from within
  CHECK(stream.turn());
  CHECK(waiter->readable == 1);
  char text[2] = {};
  const iovec room{text, 1};
  CHECK(stream.read({&room, 1}).bytes == 1);
  stream.put_back(as_bytes("x"));
  const iovec both{text, 2};
  CHECK(stream.read({&both, 1}).bytes == 2);
  CHECK(std::string_view(text, 2) == "xb");
}

TEST_CASE("blocks and messages leave whole and in order, however little the stream takes") {
  Random random(11);
  for (int round = 0; round < 50; ++round) {
    Fixture f;
    f.owner.on_disk = random.chance(1, 3);
    f.link->start();
    std::size_t blocks = 0, messages = 0;
    for (int step = 0; step < 40; ++step) {
      f.stream->write_step = 1 + random.below(30'000);
      if (random.chance(1, 3)) {
        f.link->send_block(block(1 + static_cast<std::uint32_t>(random.below(8)),
                                 1 + static_cast<std::uint32_t>(random.below(16384))));
        ++blocks;
      }
      if (random.chance(1, 4)) {
        f.link->send(random.chance(1, 2) ? wire::Message(wire::Choke{})
                                         : wire::Message(wire::Have{1}));
        ++messages;
      }
      f.link->flush();
      f.stream->turn();
      if (f.owner.later.empty() || random.chance(1, 2)) continue;
      auto job = std::move(f.owner.later.front());
      f.owner.later.pop_front();
      std::size_t at = 0;
      for (const BlockRange& one : job.blocks) {
        Owner::fill(one, job.out->bytes().subspan(at));
        at += one.length;
      }
      job.link->chunk_read(std::move(job.out), {});
    }
    f.owner.on_disk = false;
    while (!f.owner.later.empty()) {
      auto job = std::move(f.owner.later.front());
      f.owner.later.pop_front();
      std::size_t at = 0;
      for (const BlockRange& one : job.blocks) {
        Owner::fill(one, job.out->bytes().subspan(at));
        at += one.length;
      }
      job.link->chunk_read(std::move(job.out), {});
    }
    f.settle();
    const std::string seen = words(f.stream->written);
    INFO(seen);
    CHECK(seen.find('!') == std::string::npos);
    CHECK(seen.size() == blocks + messages);
    CHECK(f.owner.gone.size() == blocks);
    CHECK_FALSE(f.owner.ended);
  }
}

TEST_CASE("a message overtakes the blocks that have not begun") {
  Fixture f;
  f.link->start();
  f.stream->room = 20'000;  // block 1 and some of block 2
  f.stream->write_step = SIZE_MAX;
  for (std::uint32_t i = 1; i <= 3; ++i) f.link->send_block(block(i));
  f.link->flush();
  CHECK(f.owner.gone == std::vector{block(1)});
  f.link->send(wire::Have{5});
  f.link->flush();
  f.stream->room = SIZE_MAX;
  f.settle();
  CHECK(words(f.stream->written) == "12h3");
}

TEST_CASE("a peer that does not read what it is told is dropped") {
  Fixture f;
  f.link->start();
  f.stream->room = 100;
  for (int i = 0; i < 100; ++i) f.link->send(wire::Have{1});  // 900 bytes
  f.link->flush();
  CHECK_FALSE(f.owner.ended);
  for (int i = 0; i < 30; ++i) f.link->send(wire::Have{1});
  f.link->flush();
  CHECK(f.owner.ended == DisconnectReason::flooding);
  CHECK(f.stream->closed);
}

TEST_CASE("that all messages are written is told once, when they are") {
  Fixture f;
  f.link->start();
  f.stream->room = 3;
  f.link->send(wire::Have{1});
  f.link->tell_when_written();
  f.link->flush();
  CHECK(f.owner.metadata == 0);
  f.stream->room = SIZE_MAX;
  f.settle();
  CHECK(f.owner.metadata == 1);
}

TEST_CASE("how a stream ends is told once") {
  Fixture f;
  f.link->start();
  f.stream->incoming = encoded(wire::Have{1});
  f.stream->read_step = 100;
  SECTION("by the peer") {
    f.stream->ended = true;
    f.settle();
    CHECK(f.owner.got.size() == 1);
    CHECK(f.owner.ended == DisconnectReason::closed_by_peer);
  }
  SECTION("by a read that fails") {
    f.stream->error = ECONNRESET;
    f.settle();
    CHECK(f.owner.ended == DisconnectReason::connection_lost);
  }
  SECTION("by a write that fails") {
    f.stream->error = EPIPE;
    f.link->send(wire::Have{1});
    f.link->flush();
    CHECK(f.owner.ended == DisconnectReason::connection_lost);
  }
  CHECK(f.stream->closed);
  f.link->flush();
  f.stream->turn();  // a wait that was under way
  CHECK(f.owner.endings == 1);
}

TEST_CASE("buffers are used again when the last block in them has left") {
  Fixture f;
  auto& buffers = f.scratch.send_buffers;
  SendBuffer only(new SendMemory(SendBuffers::small));
  SendMemory* const memory = only.get();
  buffers.give_back(std::move(only));
  f.link->start();
  f.link->send_block(block(1));
  f.link->send_block(block(2));
  f.stream->write_step = SIZE_MAX;
  f.stream->room = 20'000;  // block 1 and some of block 2
  f.link->flush();
  CHECK(f.owner.gone.size() == 1);
  CHECK(buffers.take(false).get() != memory);
  f.stream->room = SIZE_MAX;
  f.settle();
  CHECK(f.owner.gone.size() == 2);
  CHECK(buffers.take(false).get() == memory);
}

TEST_CASE("blocks that cannot be read are told, and those behind them leave") {
  Fixture f;
  f.link->start();
  f.owner.unreadable = Errc::file_changed;
  f.link->send_block(block(1));
  f.link->send_block(block(2));
  f.link->flush();
  CHECK(f.owner.failures == std::vector{SendFailure::file_changed});
  f.owner.unreadable.reset();
  f.link->flush();
  f.settle();
  CHECK(words(f.stream->written) == "2");
}
