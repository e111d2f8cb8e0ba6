// Scrape queries: no more hashes than allowed, and the answer is canonical bencode.
//
// fuzz-links: barter::tracker
#include "tests/fuzz/fuzz.hpp"
#include "torrent/bencode.hpp"
#include "tracker/announce.hpp"

using namespace barter;
using namespace barter::tracker;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t max_hashes = 5;
  const auto hashes = parse_scrape_query(fuzz::text_of(data, size), max_hashes);
  if (!hashes) return 0;
  require(!hashes->empty() && hashes->size() <= max_hashes, "bounded, and something");
  std::vector<ScrapeEntry> entries;
  for (const WireInfoHash& hash : *hashes) entries.push_back({hash, 1, 2, 3, 2});
  const std::string body = to_body(entries);
  const auto parsed = bencode::parse(body, {.strict = true});
  require(parsed.has_value(), "sorted, each once");
  const auto files = parsed->root().find_dictionary("files");
  require(files && files->size() <= hashes->size(), "no more than asked for");
  for (const WireInfoHash& hash : *hashes) {
    require(files->find(hash.view()).has_value(), "each that was asked for");
  }
  return 0;
}
