// Journals of the store: the bytes as they are, and as the payloads of well-formed records, since
// no fuzzer guesses a checksum.

// fuzz-links: barter::chunkstore ZLIB::ZLIB
#include <zlib.h>

#include <string>

#include "chunkstore/resume.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace barter;
using fuzz::require;

namespace {

const JournalIdentity identity{"torrent", 50, 4};

void put(std::string& out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}
void put(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

void frame(std::string& out, std::string_view payload) {
  put(out, static_cast<std::uint32_t>(payload.size()));
  const auto* bytes = reinterpret_cast<const unsigned char*>(payload.data());
  put(out, static_cast<std::uint32_t>(::crc32_z(0, bytes, payload.size())));
  out += payload;
}

std::string header() {
  std::string out("\x01", 1);
  put(out, "barter journal");
  out += '\x01';
  put(out, identity.torrent);
  put(out, identity.pieces);
  put(out, identity.files);
  put(out, "boot");
  return out;
}

void check(const JournalState& state) {
  require(state.pieces.size() == identity.pieces, "a mark for each piece");
  require(state.files.size() == identity.files, "a record for each file");
  for (const auto& [piece, ordinal] : state.unsynced) {
    require(piece < identity.pieces, "unsynced pieces exist");
    require(state.pieces[piece] == PieceMark::written, "unsynced pieces are written");
    require(ordinal <= state.ordinal, "ordinals are counted");
  }
  std::size_t written = 0;
  for (const PieceMark mark : state.pieces) written += mark == PieceMark::written ? 1 : 0;
  require(written == state.unsynced.size(), "written pieces wait for the sync");
  for (const auto& [block, slot] : state.spilled) {
    require(to_number(block.piece) < identity.pieces, "spilled pieces exist");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto state = replay(fuzz::text_of(data, size), identity)) check(*state);
  fuzz::ByteSource source(data, size);
  std::string journal;
  frame(journal, header());
  require(replay(journal, identity).has_value(), "a header is a journal");
  while (!source.empty()) frame(journal, source.bytes(1 + source.byte()));
  const auto state = replay(journal, identity);
  require(state.has_value(), "whatever follows a header, there is a journal");
  check(*state);
  return 0;
}
