// A TcpStream over a real socket.
#include "client/link/tcp_stream.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "torrent/random.hpp"

using namespace barter;
using namespace barter::link;

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Waiter final : Stream::Waiter {
  int readable = 0, writable = 0;
  void on_readable() override { ++readable; }
  void on_writable() override { ++writable; }
};

// Two ends of a connection on loopback: a stream, and a plain socket that blocks.
struct Ends {
  asio::io_context context;
  tcp::socket far{context};
  std::unique_ptr<TcpStream> near;

  Ends() {
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    tcp::socket socket(context);
    socket.connect(acceptor.local_endpoint());
    acceptor.accept(far);
    near = std::make_unique<TcpStream>(std::move(socket));
  }
  std::string read_far(std::size_t bytes) {
    std::string out(bytes, '\0');
    std::size_t have = 0;
    while (have < bytes) have += far.read_some(asio::buffer(out.data() + have, bytes - have));
    return out;
  }
  void write_far(std::string_view bytes) { far.write_some(asio::buffer(bytes)); }
  std::string read_near(std::size_t most) {
    std::string out(most, '\0');
    const iovec room{out.data(), out.size()};
    const auto got = near->read({&room, 1});
    last = got.what;
    out.resize(got.bytes);
    return out;
  }
  Stream::Received::What last{};
};

using What = Stream::Received::What;

Segment messages(std::string_view text) {
  Segment out;
  out.messages().resize(text.size());
  std::memcpy(out.messages().data(), text.data(), text.size());
  return out;
}

}  // namespace

TEST_CASE("a TCP stream reads what is there, and says why there is nothing") {
  Ends ends;
  CHECK(ends.read_near(10).empty());
  CHECK(ends.last == What::would_block);
  const auto waiter = std::make_shared<Waiter>();
  ends.near->wait_readable(waiter);
  ends.context.poll();
  CHECK(waiter->readable == 0);
  ends.write_far("hello");
  ends.context.restart();
  ends.context.run_one();
  CHECK(waiter->readable == 1);
  CHECK(ends.read_near(3) == "hel");
  ends.near->put_back(std::as_bytes(std::span("ab", 2)));
  CHECK(ends.read_near(10) == "ab");
  CHECK(ends.read_near(10) == "lo");
  ends.far.close();
  ends.near->wait_readable(waiter);
  ends.context.restart();
  ends.context.run_one();
  CHECK(ends.read_near(10).empty());
  CHECK(ends.last == What::end);
}

TEST_CASE("a TCP stream keeps what it has begun, and gives it back in order") {
  Ends ends;
  const int small = 4096;
  ::setsockopt(ends.near->socket().native_handle(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  Random random(3);
  std::string expected, seen;
  std::vector<Segment> segments;
  constexpr std::size_t many = 40;
  for (std::size_t i = 0; i < many; ++i) {
    std::string text(1 + random.below(200'000), static_cast<char>('a' + i % 26));
    expected += text;
    segments.push_back(messages(text));
  }
  std::size_t next = 0, given_back = 0;
  bool had_backlog = false;
  std::vector<Segment> done;
  while (given_back < many) {
    std::vector<Segment*> offered;
    for (std::size_t i = next; i < std::min(many, next + 3); ++i) offered.push_back(&segments[i]);
    const auto written = ends.near->write(offered, done);
    REQUIRE(written.error == 0);
    next += written.begun;
    for (Segment& one : done) {
      CHECK(one.messages()[0] == static_cast<std::byte>('a' + given_back % 26));
      ++given_back;
    }
    done.clear();
    CHECK(next - given_back == (ends.near->backlog() > 0 ? 1 : 0));
    had_backlog = had_backlog || ends.near->backlog() > 0;
    // As much as is there: what the stream says has left it, less what is under way.
    std::string part(1 << 16, '\0');
    const auto got = ::recv(ends.far.native_handle(), part.data(), part.size(), MSG_DONTWAIT);
    if (got > 0) seen.append(part, 0, static_cast<std::size_t>(got));
  }
  CHECK(had_backlog);
  seen += ends.read_far(expected.size() - seen.size());
  CHECK(seen == expected);
}

TEST_CASE("a closed TCP stream moves nothing, and ends who waits") {
  Ends ends;
  const auto waiter = std::make_shared<Waiter>();
  ends.near->wait_readable(waiter);
  ends.near->wait_writable(waiter);
  ends.near->close();
  ends.context.run();
  CHECK(waiter->readable == 1);
  CHECK(waiter->writable == 1);
  CHECK(ends.read_near(10).empty());
  CHECK(ends.last == What::failure);
  Segment one = messages("x");
  Segment* offered[] = {&one};
  std::vector<Segment> done;
  CHECK(ends.near->write(offered, done).error != 0);
  CHECK(one.size() == 1);
  asio::io_context other;
  CHECK_FALSE(ends.near->move_to(other));
}

TEST_CASE("a TCP stream goes to another thread with the bytes that were put back") {
  asio::io_context other;  // outlives the stream
  Ends ends;
  ends.write_far("world");
  ends.near->put_back(std::as_bytes(std::span("hello ", 6)));
  REQUIRE(ends.near->move_to(other));
  CHECK(ends.read_near(100) == "hello ");
  const auto waiter = std::make_shared<Waiter>();
  ends.near->wait_readable(waiter);
  ends.context.poll();
  CHECK(waiter->readable == 0);
  other.run_one();
  CHECK(waiter->readable == 1);
  CHECK(ends.read_near(100) == "world");
}
