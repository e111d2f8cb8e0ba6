// fuzz-links: barter::client
// fuzz-max-len: 1500

// BEP 14: no datagram breaks the reader, and what it read is written within the limit and read
// again as the same.
#include "client/wire/local_announce.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace barter;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto announce = wire::parse_local_announce(fuzz::text_of(data, size));
  if (!announce) return 0;
  require(announce->port != 0 && !announce->info_hashes.empty(), "it says who and what");
  require(announce->info_hashes.size() <= wire::max_local_info_hashes, "bounded");
  for (const bool v6 : {false, true}) {
    const std::string text = wire::to_datagram(*announce, v6);
    require(text.size() <= wire::max_local_announce_bytes, "it fits");
    const auto again = wire::parse_local_announce(text);
    require(again.has_value(), "what was written can be read");
    require(again->port == announce->port && again->info_hashes == announce->info_hashes &&
                again->cookie == announce->cookie,
            "round trip");
  }
  return 0;
}
