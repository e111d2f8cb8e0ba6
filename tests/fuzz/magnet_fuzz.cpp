// Magnet links: what is read and printed reads the same again.
//
// fuzz-max-len: 1024
#include "tests/fuzz/fuzz.hpp"
#include "torrent/magnet.hpp"

using namespace barter;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto magnet = Magnet::parse(fuzz::text_of(data, size));
  if (!magnet) {
    require(magnet.error().code == Errc::invalid_magnet, "the error is ours");
    return 0;
  }
  const std::string printed = to_string(*magnet);
  for (const char c : printed) require(c > 0x20 && c < 0x7f, "printed links are plain");
  const auto again = Magnet::parse(printed);
  // Encoding makes a link longer, and only what is read is bounded.
  if (!again && printed.size() > 60'000) return 0;
  require(again.has_value(), "printed links are links");
  require(*again == *magnet, "printed links say the same");
  require(to_string(*again) == printed, "the printed form is canonical");
  return 0;
}
