// fuzz-links: barter::client barter::chunkstore

// The handshake and what follows it in extended messages: no bytes break them; what is accepted can
// be written again.
#include "client/wire/handshake.hpp"

#include <algorithm>
#include <vector>

#include "client/wire/extension.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace barter;
using namespace barter::wire;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = as_bytes(fuzz::text_of(data, size));
  bool good = true;
  for (std::size_t n = 0; n <= std::min(size, handshake_length); ++n) {
    const bool now = may_be_handshake(bytes.first(n));
    require(good || !now, "a wrong beginning stays wrong");
    good = now;
  }
  if (good && size >= handshake_length) {
    const auto shaken = decode_handshake(bytes.first<handshake_length>());
    require(std::ranges::equal(encode(shaken), bytes.first<handshake_length>()), "round trip");
  }
  if (size == 0) return 0;
  // The rest as an extended message under each id that we announce.
  const Message message =
      decode_extended(std::to_integer<std::uint8_t>(bytes[0]) % 4, bytes.subspan(1));
  std::vector<std::byte> out;
  encode(message, out);
  require(out.size() <= size + 200, "nothing grows");
  return 0;
}
