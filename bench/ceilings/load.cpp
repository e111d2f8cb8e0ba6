// load: many peers in one process, to see what a client makes of hundreds of connections.
//
//   load take|give --info-hash HEX --file FILE --piece-length N --connections N [--seconds S]
//        ADDRESS PORT
//
// take: each link asks for blocks, --depth at a time, walking through
// the file from a place of its own, for
//       --seconds once the first block has come; every byte is compared with FILE.
// give: each link has everything, unchokes who is interested, and answers requests out of FILE,
// until it is
//       ended or all links are closed.
//
// FILE is the torrent's one file. One thread. Speaks BEP 3 alone: no Fast, no extensions. At the
// end a JSON line: seconds and bytes, links that connected and that moved anything, the least and
// most of those. Exit code 1: a link broke the protocol, or bytes were wrong.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "client/wire/byte_order.hpp"
#include "client/wire/handshake.hpp"
#include "client/wire/message.hpp"
#include "torrent/layout.hpp"

namespace {

using namespace barter;
using wire::Id;

volatile sig_atomic_t stopping = 0;

template <class Number>
Number checked(Number result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

double seconds_now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

struct Options {
  bool take = true;
  std::string info_hash, file, address;
  std::uint32_t piece_length = 1 << 20;
  std::uint32_t connections = 500, depth = 32;
  double seconds = 10;
  std::uint16_t port = 0;
};

// What all links share: the torrent's bytes and its layout.
class Content {
 public:
  Content(const std::string& path, std::uint32_t piece_length)
      : bytes_(map(path)), layout_(piece_length, {FileSpan{0, bytes_.size(), false}}, false) {}

  const Layout& layout() const { return layout_; }
  std::span<const std::byte> at(BlockRange range) const {
    return bytes_.subspan(layout_.offset(range), range.length);
  }
  std::vector<std::byte> all_pieces() const {
    std::vector<std::byte> bits((layout_.piece_count() + 7) / 8);
    for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
      bits[i / 8] |= static_cast<std::byte>(0x80 >> i % 8);
    }
    return bits;
  }

 private:
  static std::span<const std::byte> map(const std::string& path) {
    const int file = checked(open(path.c_str(), O_RDONLY | O_CLOEXEC), path.c_str());
    struct stat status {};
    checked(fstat(file, &status), path.c_str());
    const auto size = static_cast<std::size_t>(status.st_size);
    void* memory = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    close(file);
    return {static_cast<const std::byte*>(memory), size};
  }

  std::span<const std::byte> bytes_;
  Layout layout_;
};

class Link {
 public:
  Link(int socket, std::uint32_t number, const Options& options, const Content& content)
      : socket_(socket), number_(number), options_(options), content_(content) {
    // Places all over the file, none twice in a row.
    next_ = {static_cast<PieceIndex>(number * 2654435761u % content.layout().piece_count()), 0};
  }

  void connected(const wire::Handshake& handshake) {
    const auto bytes = wire::encode(handshake);
    out_.assign(bytes.begin(), bytes.end());
    if (options_.take) {
      wire::encode(wire::Interested{}, out_);
    } else {
      wire::encode(wire::BitfieldMessage{content_.all_pieces()}, out_);
    }
  }

  void received(std::span<const std::byte> data) {
    while (!data.empty()) {
      const std::size_t used = skip_ > 0 ? pass(data) : collect(data);
      data = data.subspan(used);
    }
    if (unchoked_ && asked_ <= options_.depth / 2) ask();
  }

  // Sends what waits; true while something still does.
  bool flush() {
    while (!out_.empty() || !blocks_.empty()) {
      gather();
      const ssize_t sent = writev(socket_, vectors_.data(), static_cast<int>(vectors_.size()));
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return true;
      if (sent < 0) throw std::system_error(errno, std::generic_category(), "writev");
      consumed(static_cast<std::size_t>(sent));
    }
    return false;
  }

  int socket() const { return socket_; }
  std::uint32_t number() const { return number_; }
  std::uint64_t moved() const { return moved_; }
  bool waiting = false;  // EPOLLOUT is asked for

 private:
  struct Block {
    std::array<std::byte, wire::piece_header_length> header;
    BlockRange range;
  };
  static constexpr std::size_t blocks_a_write = 16;

  // Bytes whose end is known: the handshake, a block, what is not looked at.
  std::size_t pass(std::span<const std::byte> data) {
    const std::size_t size = std::min(skip_, data.size());
    if (!expected_.empty()) {
      if (std::memcmp(data.data(), expected_.data(), size) != 0) {
        throw std::runtime_error("wrong bytes came");
      }
      expected_ = expected_.subspan(size);
      moved_ += size;
    }
    skip_ -= size;
    return size;
  }

  // The head of a message: as much as says what it is.
  std::size_t collect(std::span<const std::byte> data) {
    const std::size_t size = std::min(head_wanted_ - head_size_, data.size());
    std::memcpy(head_.data() + head_size_, data.data(), size);
    head_size_ += size;
    if (head_size_ < head_wanted_) return size;
    const std::uint32_t length = wire::load_u32(head_.data());
    if (head_size_ == 4 && length > 0) {
      head_wanted_ = 5;
      return size;
    }
    if (head_size_ == 5) {
      const auto id = static_cast<Id>(head_[4]);
      if (id == Id::piece) head_wanted_ = wire::piece_header_length;
      if (id == Id::request && length == 13) head_wanted_ = 17;
      if (head_wanted_ > 5) return size;
    }
    if (length > 0) message(static_cast<Id>(head_[4]), length);
    head_size_ = 0;
    head_wanted_ = 4;
    return size;
  }

  void message(Id id, std::uint32_t length) {
    skip_ = 4 + length - head_size_;
    if (id == Id::choke) unchoked_ = false;
    if (id == Id::unchoke) {
      unchoked_ = true;
      asked_ = 0;  // without Fast a choke has dropped them
    }
    if (id == Id::interested && !options_.take) wire::encode(wire::Unchoke{}, out_);
    const std::uint32_t piece = wire::load_u32(head_.data() + 5);
    const std::uint32_t begin = wire::load_u32(head_.data() + 9);
    if (id == Id::piece) {
      const auto range = content_.layout().block_range(piece, begin, length - 9);
      if (!range) throw std::runtime_error("no such block");
      expected_ = content_.at(*range);
      if (asked_ > 0) --asked_;
    }
    if (id == Id::request && !options_.take) {
      const auto range =
          content_.layout().block_range(piece, begin, wire::load_u32(head_.data() + 13));
      if (!range) throw std::runtime_error("no such block asked for");
      blocks_.push_back({{}, *range});
      wire::encode_piece_header(piece, begin, range->length, blocks_.back().header);
    }
  }

  void ask() {
    const Layout& layout = content_.layout();
    while (asked_ < options_.depth) {
      const BlockRange range = layout.range(next_);
      wire::encode(wire::Request{to_number(range.piece), range.begin, range.length}, out_);
      ++asked_;
      if (++next_.block == layout.block_count(next_.piece)) {
        next_ = {static_cast<PieceIndex>((to_number(next_.piece) + 1) % layout.piece_count()), 0};
      }
    }
  }

  // Control first: nothing of it is added once blocks go.
  void gather() {
    vectors_.clear();
    if (!out_.empty()) vectors_.push_back({out_.data(), out_.size()});
    std::size_t skip = block_sent_;
    for (std::size_t i = 0; i < std::min(blocks_.size(), blocks_a_write); ++i) {
      Block& block = blocks_[i];
      const auto data = content_.at(block.range);
      const std::size_t of_header = std::min(skip, block.header.size());
      const std::size_t of_data = skip - of_header;
      vectors_.push_back({block.header.data() + of_header, block.header.size() - of_header});
      vectors_.push_back({const_cast<std::byte*>(data.data()) + of_data, data.size() - of_data});
      skip = 0;
    }
  }

  void consumed(std::size_t bytes) {
    const std::size_t control = std::min(bytes, out_.size());
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(control));
    bytes -= control;
    block_sent_ += bytes;
    while (!blocks_.empty()) {
      const std::size_t whole = blocks_.front().header.size() + blocks_.front().range.length;
      if (block_sent_ < whole) return;
      block_sent_ -= whole;
      moved_ += blocks_.front().range.length;
      blocks_.pop_front();
    }
  }

  int socket_;
  std::uint32_t number_;
  const Options& options_;
  const Content& content_;
  std::uint64_t moved_ = 0;  // payload

  std::array<std::byte, 20> head_{};
  std::size_t head_size_ = 0, head_wanted_ = 4;
  std::size_t skip_ = wire::handshake_length;
  std::span<const std::byte> expected_;  // of the block that is passing
  bool unchoked_ = false;
  std::uint32_t asked_ = 0;
  BlockRef next_;

  std::vector<std::byte> out_;
  std::deque<Block> blocks_;
  std::size_t block_sent_ = 0;  // of the first, its header counted
  std::vector<iovec> vectors_;
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), content_(options.file, options.piece_length), buffer_(256 << 10) {
    epoll_ = checked(epoll_create1(EPOLL_CLOEXEC), "epoll");
    for (std::uint32_t i = 0; i < options.connections; ++i) connect_one(i);
    fmt::print("{{\"event\":\"connected\",\"links\":{}}}\n", links_.size());
    std::fflush(stdout);
  }

  void run() {
    const double began = seconds_now();
    double first = 0;
    std::array<epoll_event, 128> events;
    while (stopping == 0 && open_ > 0 && (first == 0 || seconds_now() < first + options_.seconds)) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < count; ++i) {
        serve(*links_[events[static_cast<std::size_t>(i)].data.u64]);
      }
      if (options_.take && first == 0 && count > 0 && total() > 0) first = seconds_now();
      if (options_.take && first == 0 && seconds_now() > began + 30) {
        throw std::runtime_error("nothing came within 30 s");
      }
    }
    report(seconds_now() - (first > 0 ? first : began));
  }

 private:
  void connect_one(std::uint32_t number) {
    const int socket = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in remote{};
    remote.sin_family = AF_INET;
    remote.sin_port = htons(options_.port);
    inet_pton(AF_INET, options_.address.c_str(), &remote.sin_addr);
    checked(connect(socket, reinterpret_cast<sockaddr*>(&remote), sizeof remote), "connect");
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    checked(fcntl(socket, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
    links_.push_back(std::make_unique<Link>(socket, number, options_, content_));
    links_.back()->connected(handshake(number));
    ++open_;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
    update(*links_.back());
  }

  wire::Handshake handshake(std::uint32_t number) const {
    std::array<std::byte, 20> hash{}, id{};
    for (std::size_t i = 0; i < hash.size(); ++i) {
      const std::string digits = options_.info_hash.substr(2 * i, 2);
      hash[i] = static_cast<std::byte>(std::stoul(digits, nullptr, 16));
    }
    const std::string text = fmt::format("-LD0001-{:012}", number);
    std::memcpy(id.data(), text.data(), id.size());
    return {{}, WireInfoHash{hash}, PeerId{id}};
  }

  void serve(Link& link) {
    const ssize_t got = read(link.socket(), buffer_.data(), buffer_.size());
    if (got == 0 || (got < 0 && errno == ECONNRESET)) {
      epoll_ctl(epoll_, EPOLL_CTL_DEL, link.socket(), nullptr);
      --open_;
      return;
    }
    if (got > 0) link.received(std::span(buffer_).first(static_cast<std::size_t>(got)));
    update(link);
  }

  void update(Link& link) {
    bool waiting = false;
    try {
      waiting = link.flush();
    } catch (const std::system_error& error) {  // reading will tell that it has closed
      if (error.code().value() != EPIPE && error.code().value() != ECONNRESET) throw;
    }
    if (waiting == link.waiting) return;
    link.waiting = waiting;
    epoll_event event{};
    event.events = waiting ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = link.number();
    epoll_ctl(epoll_, EPOLL_CTL_MOD, link.socket(), &event);
  }

  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const auto& link : links_) sum += link->moved();
    return sum;
  }

  void report(double seconds) const {
    std::size_t used = 0;
    std::uint64_t least = ~std::uint64_t{0}, most = 0;
    for (const auto& link : links_) {
      if (link->moved() == 0) continue;
      ++used;
      least = std::min(least, link->moved());
      most = std::max(most, link->moved());
    }
    fmt::print(
        "{{\"event\":\"result\",\"seconds\":{:.3f},\"bytes\":{},\"links\":{},\"open\":{},"
        "\"used\":{},\"least\":{},\"most\":{}}}\n",
        seconds, total(), links_.size(), open_, used, used > 0 ? least : 0, most);
  }

  const Options& options_;
  Content content_;
  std::vector<std::byte> buffer_;
  std::vector<std::unique_ptr<Link>> links_;
  std::size_t open_ = 0;
  int epoll_ = -1;
};

}  // namespace

int main(int count, char** words) {
  CLI::App app{"Many peers in one process"};
  Options options;
  std::string role;
  app.add_option("ROLE", role)->required()->check(CLI::IsMember({"take", "give"}));
  app.add_option("ADDRESS", options.address)->required();
  app.add_option("PORT", options.port)->required();
  app.add_option("--info-hash", options.info_hash)->required();
  app.add_option("--file", options.file)->required();
  app.add_option("--piece-length", options.piece_length);
  app.add_option("--connections", options.connections);
  app.add_option("--depth", options.depth);
  app.add_option("--seconds", options.seconds);
  CLI11_PARSE(app, count, words);
  options.take = role == "take";
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, [](int) { stopping = 1; });
  try {
    Load load(options);
    load.run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "load: {}\n", error.what());
    return 1;
  }
  return 0;
}
