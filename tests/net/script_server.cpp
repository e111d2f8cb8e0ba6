#include "script_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

namespace barter::testing {

std::string ScriptServer::Peer::read_head() {
  std::string out;
  char c = 0;
  while (!out.ends_with("\r\n\r\n") && out.size() < 100'000 && ::recv(descriptor_, &c, 1, 0) == 1) {
    out += c;
  }
  return out;
}

std::string ScriptServer::Peer::read(std::size_t bytes) {
  std::string out(bytes, '\0');
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t n = ::recv(descriptor_, out.data() + done, bytes - done, 0);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  out.resize(done);
  return out;
}

bool ScriptServer::Peer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool ScriptServer::Peer::wait_closed(int milliseconds) {
  char room[4096];
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd poll{descriptor_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&poll, 1, static_cast<int>(left.count())) == 0) return false;
    if (::recv(descriptor_, room, sizeof room, 0) <= 0) return true;
  }
}

ScriptServer::ScriptServer(Script script, bool read_request, Endpoint at)
    : script_(std::move(script)), read_request_(read_request), at_(at) {
  const bool v4 = at.address.is_v4();
  listener_ = ::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage address{};
  auto& in4 = reinterpret_cast<sockaddr_in&>(address);
  auto& in6 = reinterpret_cast<sockaddr_in6&>(address);
  socklen_t length = v4 ? sizeof in4 : sizeof in6;
  if (v4) {
    in4.sin_family = AF_INET;
    in4.sin_port = htons(at.port);
    std::memcpy(&in4.sin_addr, at.address.v4_bytes().data(), 4);
  } else {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(at.port);
    std::memcpy(&in6.sin6_addr, at.address.v6_bytes().data(), 16);
  }
  REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(::listen(listener_, 100) == 0);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  at_.port = ntohs(v4 ? in4.sin_port : in6.sin6_port);
  acceptor_ = std::thread([this] { serve(); });
}

void ScriptServer::serve() {
  while (true) {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) return;
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      ::close(descriptor);
      return;
    }
    ++connections_;
    open_.push_back(descriptor);
    threads_.emplace_back([this, descriptor] {
      Peer peer(descriptor);
      std::string head;
      if (read_request_) {
        head = peer.read_head();
        const std::lock_guard heads_lock(mutex_);
        heads_.push_back(head);
      }
      script_(peer, head);
      const std::lock_guard close_lock(mutex_);
      std::erase(open_, descriptor);
      ::close(descriptor);
    });
  }
}

ScriptServer::~ScriptServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int descriptor : open_) ::shutdown(descriptor, SHUT_RDWR);
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

std::string ScriptServer::url(std::string_view path) const {
  return "http://" + to_string(at_) + std::string(path);
}

std::vector<std::string> ScriptServer::heads() const {
  const std::lock_guard lock(mutex_);
  return heads_;
}

int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return descriptor;
}

std::string http(std::string_view body, std::string_view headers) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

std::string gzip(std::string_view plain) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(::deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.erase(out.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return out;
}

}  // namespace barter::testing
