// fuzz-links: barter::client barter::chunkstore

// MessageReader: no stream breaks it, and how a stream is cut into reads and how many blocks are
// expected changes nothing about the messages that come out.
#include "client/wire/message_reader.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/fuzz/fuzz.hpp"
#include "torrent/layout.hpp"

using namespace barter;
using namespace barter::wire;
using fuzz::ByteSource;
using fuzz::require;

namespace {

constexpr std::size_t max_stream = 200'000;

// A stream from a short program, so that small inputs reach whole blocks.
std::string make_stream(ByteSource& source, std::size_t instructions) {
  std::string out;
  for (std::size_t i = 0; i < instructions && !source.empty() && out.size() < max_stream; ++i) {
    switch (source.byte() % 4) {
      case 0:
        for (std::uint8_t n = source.byte(); n > 0; --n) out += static_cast<char>(source.byte());
        break;
      case 1:
        out.append(source.number(2), static_cast<char>(source.byte()));
        break;
      case 2: {
        const std::uint32_t length = source.byte() % 2 == 0
                                         ? block_length
                                         : static_cast<std::uint32_t>(source.number(2)) % 16600;
        std::array<std::byte, piece_header_length> header{};
        encode_piece_header(source.byte(), source.byte(), length, header);
        out.append(reinterpret_cast<const char*>(header.data()), header.size());
        out.append(length, static_cast<char>(source.byte()));
        break;
      }
      default: {
        std::vector<std::byte> have;
        encode_have(source.byte(), have);
        out.append(reinterpret_cast<const char*>(have.data()), have.size());
      }
    }
  }
  return out;
}

struct Outcome {
  std::vector<std::byte> bytes;
  std::size_t messages = 0;
  bool violation = false;
  bool operator==(const Outcome&) const = default;
};

template <class Size, class Due>
Outcome read(BlockPool& pool, std::string_view stream, Size size, Due due) {
  ReaderLimits limits;
  limits.bitfield_bytes = 1000;
  limits.extended_bytes = 20'000;
  MessageReader reader(pool, limits);
  Outcome out;
  while (true) {
    Message message;
    auto next = MessageReader::Next::message;
    while ((next = reader.next(message)) == MessageReader::Next::message) {
      ++out.messages;
      encode(message, out.bytes);
    }
    out.violation = next == MessageReader::Next::violation;
    require(next != MessageReader::Next::need_buffer, "the pool is large enough");
    if (out.violation || stream.empty()) return out;
    const auto spans = reader.prepare(due());
    require(!spans.empty(), "there is somewhere to read to");
    std::size_t done = 0;
    const std::size_t most = std::min(stream.size(), size());
    for (const auto& span : spans) {
      require(!span.empty(), "no span is empty");
      const std::size_t n = std::min(span.size(), most - done);
      if (n > 0) std::memcpy(span.data(), stream.data() + done, n);
      done += n;
    }
    reader.commit(done);
    stream.remove_prefix(done);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteSource source(data, size);
  const std::size_t instructions = source.byte();
  const std::string stream = make_stream(source, instructions);
  BlockPool pool(40);
  const Outcome whole = read(
      pool, stream, [] { return max_stream * 2; }, [] { return 0U; });
  const Outcome cut = read(
      pool, stream,
      [&] {
        const std::size_t n = source.byte();
        return n < 128 ? n + 1 : (n - 127) * 300;
      },
      [&] { return std::uint32_t{source.byte()} % 24; });
  require(whole == cut, "the cuts change nothing");
  require(pool.in_use() == 0, "every buffer came back");
  return 0;
}
