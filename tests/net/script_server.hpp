// A server that does what a test says: accepts on 127.0.0.1, or where it is told, and hands each
// connection, with the first line and headers it read, to a function on a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "torrent/endpoint.hpp"

namespace barter::testing {

class ScriptServer {
 public:
  // One accepted connection; closed when the script returns.
  class Peer {
   public:
    explicit Peer(int descriptor) : descriptor_(descriptor) {}
    std::string read_head();              // up to the empty line
    std::string read(std::size_t bytes);  // exactly; shorter at the end of the stream
    bool write(std::string_view bytes);   // false when the other end has gone
    bool wait_closed(int milliseconds);   // true if the other end closes in time
    int descriptor() const { return descriptor_; }

   private:
    int descriptor_;
  };
  using Script = std::function<void(Peer&, const std::string& head)>;

  // `read_request` false: the script gets the raw connection and an empty head. Port 0: any.
  explicit ScriptServer(Script script, bool read_request = true,
                        Endpoint at = {Address::v4({127, 0, 0, 1}), 0});
  ~ScriptServer();
  std::uint16_t port() const { return at_.port; }
  std::string url(std::string_view path = "/") const;
  std::vector<std::string> heads() const;
  int connections() const { return connections_; }

 private:
  void serve();
  Script script_;
  bool read_request_;
  Endpoint at_;
  int listener_ = -1;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// A descriptor connected to 127.0.0.1:port.
int connect_to(std::uint16_t port);
std::string http(std::string_view body, std::string_view headers = {});
std::string gzip(std::string_view plain);

}  // namespace barter::testing
