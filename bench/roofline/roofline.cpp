// roofline: the least work that moves a file from one process to another and checks it, so that a
// client can be held against it. One TCP stream, blocking calls, no requests, no choice.
//
//   roofline send FILE ADDRESS PORT
//       says "listening", then sends the file to one connection after another, until it is ended:
//       one pread of 64 blocks, one gathered writev of a 13-byte header and 16 KiB for each.
//   roofline receive FILE ADDRESS PORT SIZE PIECE_LENGTH HASHES
//       readv of about four blocks at a time; a worker thread takes each whole piece, compares its
//       SHA-1 with the one in HASHES (20 bytes a piece) and writes it. Exit code 0: all was right.
//
// ADDRESS is IPv4. The hash is one stream of OpenSSL's: hashing several pieces side by side can be
// faster than this.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <optional>
#include <queue>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "torrent/layout.hpp"
#include "torrent/sha.hpp"

namespace {

using namespace barter;

constexpr std::size_t header_length = 13;  // length, id, piece, begin: as on the wire
constexpr std::size_t blocks_a_write = 64, blocks_a_read = 4;
constexpr std::size_t piece_buffers = 4;  // one is filled, one hashed, two between
using Header = std::array<std::byte, header_length>;

// What a system call returned, if it went well.
template <class Number>
Number checked(Number result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return number_; }

 private:
  int number_;
};

void put(std::uint32_t number, std::byte* out) {
  const std::uint32_t wire = htonl(number);
  std::memcpy(out, &wire, sizeof wire);
}

// The header of the block at `offset` of a file that is cut into pieces.
Header header_of(std::uint64_t offset, std::size_t length, std::uint64_t piece_length) {
  Header out;
  put(static_cast<std::uint32_t>(9 + length), out.data());
  out[4] = std::byte{7};
  put(static_cast<std::uint32_t>(offset / piece_length), out.data() + 5);
  put(static_cast<std::uint32_t>(offset % piece_length), out.data() + 9);
  return out;
}

sockaddr_in socket_address(const char* address, const char* port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  std::uint16_t number = 0;
  std::from_chars(port, port + std::strlen(port), number);
  out.sin_port = htons(number);
  if (number == 0 || inet_pton(AF_INET, address, &out.sin_addr) != 1) {
    throw std::runtime_error(fmt::format("{}:{}: no IPv4 address and port", address, port));
  }
  return out;
}

// Drops `bytes` from the front of what is still to be read or written.
std::span<iovec> rest_of(std::span<iovec> parts, std::size_t bytes) {
  while (!parts.empty() && bytes >= parts.front().iov_len) {
    bytes -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (!parts.empty()) {
    parts.front().iov_base = static_cast<std::byte*>(parts.front().iov_base) + bytes;
    parts.front().iov_len -= bytes;
  }
  return parts;
}

// --- the sender

// The file in messages; false if the receiver went away before the end.
bool send_file(int connection, int file, std::uint64_t size, std::uint64_t piece_length) {
  std::vector<std::byte> bytes(blocks_a_write * block_length);
  std::array<Header, blocks_a_write> headers;
  std::vector<iovec> parts;
  for (std::uint64_t at = 0; at < size;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), size - at));
    const auto got = static_cast<std::size_t>(
        checked(pread(file, bytes.data(), wanted, static_cast<off_t>(at)), "pread"));
    if (got != wanted) throw std::runtime_error("the file has become shorter");
    parts.clear();
    for (std::size_t begin = 0; begin < got; begin += block_length) {
      const std::size_t length = std::min<std::size_t>(block_length, got - begin);
      Header& header = headers[begin / block_length];
      header = header_of(at + begin, length, piece_length);
      parts.push_back({header.data(), header.size()});
      parts.push_back({bytes.data() + begin, length});
    }
    for (std::span<iovec> rest = parts; !rest.empty();) {
      const ssize_t sent = writev(connection, rest.data(), static_cast<int>(rest.size()));
      if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
      rest = rest_of(rest, static_cast<std::size_t>(checked(sent, "writev")));
    }
    at += got;
  }
  return true;
}

int send_always(const char* path, const char* address, const char* port) {
  std::signal(SIGPIPE, SIG_IGN);
  const Descriptor file(checked(open(path, O_RDONLY | O_CLOEXEC), path));
  struct stat status {};
  checked(fstat(file, &status), "fstat");
  const Descriptor listener(checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  const int yes = 1;
  checked(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), "SO_REUSEADDR");
  const sockaddr_in here = socket_address(address, port);
  checked(bind(listener, reinterpret_cast<const sockaddr*>(&here), sizeof here), "bind");
  checked(listen(listener, 1), "listen");
  fmt::print("listening\n");
  std::fflush(stdout);
  while (true) {
    const Descriptor connection(checked(accept(listener, nullptr, nullptr), "accept"));
    // The receiver tells the piece length first, since headers count in pieces.
    std::uint64_t piece_length = 0;
    if (read(connection, &piece_length, sizeof piece_length) != sizeof piece_length) continue;
    if (piece_length == 0) continue;
    if (!send_file(connection, file, static_cast<std::uint64_t>(status.st_size), piece_length)) {
      fmt::print(stderr, "the receiver went away\n");
    }
  }
}

// --- the receiver

struct WholePiece {
  std::vector<std::byte> bytes;
  std::uint64_t offset = 0;  // of the file
  std::size_t size = 0;      // bytes used
};

// Hashes and writes whole pieces on a thread of its own; lends the buffers they are filled in.
class Checker {
 public:
  Checker(int file, std::uint64_t piece_length, std::vector<std::byte> hashes)
      : file_(file), piece_length_(piece_length), hashes_(std::move(hashes)) {
    free_.resize(piece_buffers);
    for (WholePiece& piece : free_) piece.bytes.resize(piece_length);
    thread_ = std::thread([this] { run(); });
  }
  ~Checker() { finish(); }

  WholePiece take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !free_.empty(); });
    WholePiece out = std::move(free_.back());  // the last one used is the one in the CPU's cache
    free_.pop_back();
    return out;
  }
  void check(WholePiece piece) {
    const std::lock_guard lock(mutex_);
    whole_.push(std::move(piece));
    changed_.notify_all();
  }
  // Waits until all is written; what went wrong, if anything did.
  std::optional<std::string> finish() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    return failure_;
  }

 private:
  void run() {
    while (true) {
      WholePiece piece;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ended_ || !whole_.empty(); });
        if (whole_.empty()) return;
        piece = std::move(whole_.front());
        whole_.pop();
      }
      if (!failure_) store(piece);
      const std::lock_guard lock(mutex_);
      free_.push_back(std::move(piece));
      changed_.notify_all();
    }
  }

  void store(const WholePiece& piece) {
    const std::span bytes = std::span(piece.bytes).first(piece.size);
    const std::size_t number = static_cast<std::size_t>(piece.offset / piece_length_);
    sha_.update(bytes);
    if (std::memcmp(sha_.finish().bytes.data(), hashes_.data() + number * 20, 20) != 0) {
      failure_ = fmt::format("piece {} is wrong", number);
      return;
    }
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t n = pwrite(file_, bytes.data() + done, bytes.size() - done,
                               static_cast<off_t>(piece.offset + done));
      if (n < 0) {
        failure_ = fmt::format("pwrite: {}", std::generic_category().message(errno));
        return;
      }
      done += static_cast<std::size_t>(n);
    }
  }

  const int file_;
  const std::uint64_t piece_length_;
  const std::vector<std::byte> hashes_;
  Sha1 sha_;                            // the worker's
  std::optional<std::string> failure_;  // the worker's until it was joined
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WholePiece> free_;
  std::queue<WholePiece> whole_;
  bool ended_ = false;
  std::thread thread_;
};

// Reads the messages of one piece. Bytes of the next one are left to the socket.
void receive_piece(int connection, WholePiece& piece, std::uint64_t piece_length) {
  const std::size_t blocks = (piece.size + block_length - 1) / block_length;
  std::vector<Header> headers(blocks);
  std::vector<iovec> parts;
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t begin = block * block_length;
    parts.push_back({headers[block].data(), header_length});
    parts.push_back(
        {piece.bytes.data() + begin, std::min<std::size_t>(block_length, piece.size - begin)});
  }
  for (std::span<iovec> rest = parts; !rest.empty();) {
    const auto count = static_cast<int>(std::min<std::size_t>(rest.size(), 2 * blocks_a_read));
    const ssize_t got = checked(readv(connection, rest.data(), count), "readv");
    if (got == 0) throw std::runtime_error("the sender ended early");
    rest = rest_of(rest, static_cast<std::size_t>(got));
  }
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t begin = block * block_length;
    const std::size_t length = std::min<std::size_t>(block_length, piece.size - begin);
    if (headers[block] != header_of(piece.offset + begin, length, piece_length)) {
      throw std::runtime_error("a header is wrong");
    }
  }
}

std::vector<std::byte> read_hashes(const char* path, std::uint64_t pieces) {
  const Descriptor file(checked(open(path, O_RDONLY | O_CLOEXEC), path));
  std::vector<std::byte> out(static_cast<std::size_t>(pieces) * 20);
  if (checked(read(file, out.data(), out.size()), path) != static_cast<ssize_t>(out.size())) {
    throw std::runtime_error(fmt::format("{}: too short for {} pieces", path, pieces));
  }
  return out;
}

int receive(const char* path, const sockaddr_in& from, std::uint64_t size,
            std::uint64_t piece_length, const char* hashes) {
  const Descriptor file(checked(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), path));
  Checker checker(file, piece_length,
                  read_hashes(hashes, (size + piece_length - 1) / piece_length));
  const Descriptor connection(checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  checked(connect(connection, reinterpret_cast<const sockaddr*>(&from), sizeof from), "connect");
  checked(write(connection, &piece_length, sizeof piece_length), "write");
  for (std::uint64_t at = 0; at < size; at += piece_length) {
    WholePiece piece = checker.take();
    piece.offset = at;
    piece.size = static_cast<std::size_t>(std::min(piece_length, size - at));
    receive_piece(connection, piece, piece_length);
    checker.check(std::move(piece));
  }
  if (const auto failure = checker.finish()) throw std::runtime_error(*failure);
  return 0;
}

std::uint64_t number_of(const char* text) {
  std::uint64_t out = 0;
  const char* end = text + std::strlen(text);
  if (std::from_chars(text, end, out).ptr != end || out == 0) {
    throw std::runtime_error(fmt::format("{}: not a number above 0", text));
  }
  return out;
}

}  // namespace

int main(int count, char** words) {
  try {
    const std::string command = count > 1 ? words[1] : "";
    if (command == "send" && count == 5) return send_always(words[2], words[3], words[4]);
    if (command == "receive" && count == 8) {
      return receive(words[2], socket_address(words[3], words[4]), number_of(words[5]),
                     number_of(words[6]), words[7]);
    }
    fmt::print(stderr,
               "roofline send FILE ADDRESS PORT\n"
               "roofline receive FILE ADDRESS PORT SIZE PIECE_LENGTH HASHES\n");
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "roofline: {}\n", error.what());
    return 1;
  }
}
