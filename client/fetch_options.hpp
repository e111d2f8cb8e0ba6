// What a GET over HTTP is given, and what comes back. Values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/time.hpp"

namespace barter {

struct FetchOptions {
  std::uint64_t wire_bytes = 1 << 20;      // of the body as it travels
  std::uint64_t inflated_bytes = 2 << 20;  // of the body in the end
  Duration deadline =
      std::chrono::seconds(30);  // in all, redirects included; bytes do not extend it
  unsigned redirects = 5;        // http and https only
  std::string certificate_file;  // PEM, trusted besides the system's; "" for none
  std::string name;              // what messages call it; "": its URL, redacted
  std::string if_none_match;     // an ETag that we have: the reply may be 304, without a body
  // Addresses of ours to connect from; a family without one is not used. Empty: any.
  std::vector<Address> connect_from;

  // The limits for a .torrent file.
  static FetchOptions torrent() {
    FetchOptions out;
    out.wire_bytes = out.inflated_bytes = 32 << 20;
    return out;
  }
};

struct FetchReply {
  unsigned status = 0;  // 200 and so on; any status is a reply
  std::string body;     // inflated
  std::string content_type;
  std::string etag;  // as the server sent it; empty if it did not
  std::optional<std::chrono::seconds> retry_after;
  std::optional<std::uint16_t> peer_port;  // "Barter-Peer-Port": who sent it is a peer, too
  std::string url;                         // where it came from in the end
  std::string magnet;  // a redirect led to this link, as indexers have them; then there is no more
};

}  // namespace barter
