// The message reader. It reads where the kernel has written, so the bytes must be brought there:
// what that copy costs alone is a row of its own, to be subtracted.
#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>

#include "bench/micro/micro.hpp"
#include "client/wire/message.hpp"
#include "client/wire/message_reader.hpp"
#include "torrent/layout.hpp"

namespace barter::micro {
namespace {

using namespace barter::wire;

constexpr std::uint32_t blocks_of_stream = 64;  // 1 MiB, which stays in the CPU's cache

// Blocks of a piece; with a `have` behind every `have_every`-th (0: none).
std::vector<std::byte> block_stream(std::uint32_t have_every) {
  std::vector<std::byte> out;
  for (std::uint32_t i = 0; i < blocks_of_stream; ++i) {
    std::array<std::byte, piece_header_length> header{};
    encode_piece_header(7, i * block_length, block_length, header);
    out.insert(out.end(), header.begin(), header.end());
    out.resize(out.size() + block_length, std::byte{0x5a});
    if (have_every != 0 && i % have_every == 0) encode_have(i, out);
  }
  return out;
}

// Puts the next bytes of an endless repetition of `stream` where the spans point.
class Source {
 public:
  explicit Source(std::span<const std::byte> stream) : stream_(stream) {}
  std::size_t fill(std::span<const std::span<std::byte>> spans) {
    std::size_t done = 0;
    for (const auto& span : spans) {
      for (std::size_t at = 0; at < span.size();) {
        const std::size_t n = std::min(span.size() - at, stream_.size() - at_);
        std::memcpy(span.data() + at, stream_.data() + at_, n);
        at += n;
        at_ = (at_ + n) % stream_.size();
      }
      done += span.size();
    }
    return done;
  }

 private:
  std::span<const std::byte> stream_;
  std::size_t at_ = 0;
};

// Reads until `wanted` messages of the kind have come; `due`: blocks asked for.
template <class Kind>
std::uint32_t read_messages(Source source, std::uint32_t wanted, std::uint32_t due) {
  BlockPool pool(256);
  MessageReader reader(pool);
  std::uint32_t seen = 0;
  Message message;
  while (seen < wanted) {
    const auto next = reader.next(message);
    if (next == MessageReader::Next::message) {
      seen += std::holds_alternative<Kind>(message);
      continue;
    }
    if (next == MessageReader::Next::violation) throw std::runtime_error(reader.violation());
    message = KeepAlive{};  // its buffer goes back
    const auto spans = reader.prepare(due);
    if (spans.empty()) throw std::runtime_error("no buffer");
    reader.commit(source.fill(spans));
  }
  return wanted;
}

}  // namespace

void reader_suite(const Sizes& sizes, Figures& figures) {
  const auto blocks = block_stream(0), mixed = block_stream(8);
  std::vector<std::byte> haves;
  for (std::uint32_t i = 0; i < 4096; ++i) encode_have(i, haves);

  measure(figures, "copy alone, per block of 16 KiB", [&] {
    BlockPool pool(32);
    std::vector<BlockBuffer> buffers;
    std::vector<std::span<std::byte>> spans;
    for (int i = 0; i < 16; ++i) {
      buffers.push_back(pool.take());
      spans.emplace_back(buffers.back().data(), block_length);
    }
    Source source(blocks);
    std::uint32_t copied = 0;
    for (; copied < sizes.blocks; copied += 16) keep(source.fill(spans));
    return copied;
  });
  measure(figures, "reader: blocks, copy included",
          [&] { return read_messages<Piece>(Source(blocks), sizes.blocks, 500); });
  measure(figures, "reader: blocks, a have after each 8th",
          [&] { return read_messages<Piece>(Source(mixed), sizes.blocks, 500); });
  measure(figures, "reader: haves",
          [&] { return read_messages<Have>(Source(haves), sizes.haves, 0); });
}

}  // namespace barter::micro
