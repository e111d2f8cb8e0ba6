#include "client/link/stream_io.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>

namespace barter::link {

namespace asio = boost::asio;

namespace {

// Goes on with a coroutine.
template <class Handler>
class Resume final : public Stream::Waiter {
 public:
  explicit Resume(Handler handler) : handler_(std::move(handler)) {}
  void on_readable() override { std::move(handler_)(); }
  void on_writable() override { std::move(handler_)(); }

 private:
  Handler handler_;
};

enum class Wait : std::uint8_t { readable, writable };

asio::awaitable<void> ready(Stream& stream, Wait wait) {
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      [&stream, wait](auto handler) {
        auto waiter = std::make_shared<Resume<decltype(handler)>>(std::move(handler));
        if (wait == Wait::readable) {
          stream.wait_readable(std::move(waiter));
        } else {
          stream.wait_writable(std::move(waiter));
        }
      },
      asio::use_awaitable);
}

}  // namespace

asio::awaitable<bool> read_some(Stream& stream, std::vector<std::byte>& into, std::size_t most) {
  const std::size_t have = into.size();
  while (true) {
    into.resize(have + most);
    const iovec room{into.data() + have, most};
    const auto got = stream.read({&room, 1});
    into.resize(have + got.bytes);
    if (got.what == Stream::Received::What::bytes) co_return true;
    if (got.what != Stream::Received::What::would_block) co_return false;
    co_await ready(stream, Wait::readable);
  }
}

asio::awaitable<bool> write_all(Stream& stream, std::vector<std::byte> bytes) {
  Segment segment;
  segment.messages() = std::move(bytes);
  std::vector<Segment> done;
  Segment* offered[] = {&segment};
  bool begun = false;
  while (true) {
    const auto written = stream.write(begun ? std::span<Segment*>() : std::span(offered), done);
    if (written.error != 0) co_return false;
    begun = begun || written.begun > 0;
    if (begun && stream.backlog() == 0) co_return true;
    co_await ready(stream, Wait::writable);
  }
}

}  // namespace barter::link
