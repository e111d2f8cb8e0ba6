// What hostile peers share: raw connections to a client, and the bytes of messages.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <string_view>

#include "client/wire/handshake.hpp"
#include "client/wire/message.hpp"
#include "harness.hpp"
#include "script_server.hpp"

namespace barter::testing {

struct Raw {  // a raw connection to a client
  explicit Raw(const TestClient& client) : descriptor(connect_to(client.client->port())) {}
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
  ~Raw() { ::close(descriptor); }
  int descriptor;
  ScriptServer::Peer peer{descriptor};
};

// Connects what is a socket already.
inline bool connects(int descriptor, const TestClient& to) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(to.client->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

inline std::string text(std::span<const std::byte> bytes) {
  return std::string(as_text(bytes));
}

inline std::string hello(const Metainfo& metainfo, std::string_view id = "-XX0000-abcdefghijkl") {
  return text(wire::encode(wire::our_handshake(metainfo.info_hash().wire(), *PeerId::from(id))));
}

inline std::string raw(const wire::Message& message) {
  std::vector<std::byte> out;
  wire::encode(message, out);
  return text(out);
}

// Four bytes of what was read.
inline std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t out = 0;
  for (const char c : bytes.substr(at, 4)) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

// A peer id that nobody has had yet.
inline std::string new_peer_id() {
  static std::atomic<int> last = 0;
  return "-XX0000-" + std::to_string(100'000'000'000 + ++last);
}

}  // namespace barter::testing
