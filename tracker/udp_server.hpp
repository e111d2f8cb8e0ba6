// UdpServer: the tracker's UDP side (BEP 15, 41), on its own threads, beside an HttpServer whose
// swarms it shares. Many packets are read and answered by one system call each; the answer leaves
// from the address that was asked.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::tracker {

class Introducer;

struct UdpServerOptions {
  std::vector<Endpoint> listen;  // "[::]" listens on both families
  unsigned threads = 1;
};

class UdpServer {
 public:
  // Errors: address_in_use, permission_denied, network.
  static Result<std::unique_ptr<UdpServer>> start(UdpServerOptions options,
                                                  std::shared_ptr<Introducer> introducer);
  ~UdpServer();                // stop()
  std::uint16_t port() const;  // of the first address
  void stop();

 private:
  class Impl;
  explicit UdpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace barter::tracker
