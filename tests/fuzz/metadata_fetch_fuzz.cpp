// MetadataFetch: bytes become what peers claim, send and refuse, in any order. The tables must
// agree, memory is bounded, nobody is asked who does not offer, and whatever went before: an honest
// peer that answers is enough, and is never called a liar. The dictionary has several pieces here,
// which makes it slow; messages, and one of a single piece, are metadata_fuzz.cpp's.
//
// fuzz-links: barter::client
// fuzz-max-len: 4096
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "client/swarm/metadata_fetch.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "torrent/sha.hpp"

using namespace barter;
using fuzz::require;

namespace {

constexpr std::uint32_t size = 3 * block_length + 1000;
constexpr std::uint32_t honest = 1000;

std::string right_bytes() {
  std::string out(size, 'i');
  for (std::size_t i = 0; i < out.size(); i += 97) out[i] = static_cast<char>(i);
  return out;
}

InfoHash hash_of(const std::string& info) {
  InfoHash out;
  out.v1 = sha1(as_bytes(info));
  return out;
}

class Harness {
 public:
  Harness(const std::uint8_t* data, std::size_t count)
      : in_(data, count), info_(right_bytes()), fetch_(hash_of(info_)) {}

  void run() {
    int steps = 0;
    while (!in_.empty() && ++steps < 2000) {
      now_ += std::chrono::milliseconds(in_.below(4) == 0 ? in_.number(2) : in_.below(8));
      step();
      settle();
    }
    require(fetch_.held_bytes() <= MetadataFetch::max_bytes, "memory is bounded");
    if (fetch_.state() == MetadataFetch::State::fetching) be_honest();
    require(fetch_.state() == MetadataFetch::State::complete, "an honest peer is enough");
    require(fetch_.take_info() == info_, "what comes out is right");
  }

 private:
  void step() {
    const auto peer = static_cast<std::uint32_t>(in_.below(12));
    switch (in_.below(8)) {
      case 0: {
        constexpr std::int64_t sizes[] = {size,   size,    size,           size - 1, 1,
                                          40'000, 300'000, (32 << 20) + 1, -1,       0};
        const std::int64_t claimed = sizes[in_.below(std::size(sizes))];
        fetch_.offered({ConnectionId{peer}, {}, {}}, claimed);
        if (claimed > 0 && claimed <= 300'000) claims_.emplace(peer, claimed);
        return;
      }
      case 1:
        return leave(peer);
      case 2:
        fetch_.rejected(ConnectionId{peer}, static_cast<std::uint32_t>(in_.below(5)), now_);
        return;
      case 3: {  // what was not asked for
        const bool fine =
            fetch_.data(ConnectionId{peer}, static_cast<std::uint32_t>(in_.number(4)),
                        in_.below(2) ? size : in_.number(4), std::string(in_.below(4), 'x'), now_);
        require(!fine || fetch_.state() != MetadataFetch::State::fetching || claims_.count(peer),
                "a peer that offers nothing sends nothing");
        if (!fine) leave(peer);
        return;
      }
      default:
        return answer();
    }
  }

  void leave(std::uint32_t peer) {
    fetch_.left(ConnectionId{peer});
    claims_.erase(peer);
    std::erase_if(asks_, [&](const auto& ask) { return ask.peer == ConnectionId{peer}; });
  }

  // The oldest request of all, rightly or not.
  void answer() {
    if (asks_.empty()) return;
    const auto ask = asks_.front();
    asks_.erase(asks_.begin());
    const auto peer = static_cast<std::uint32_t>(ask.peer);
    const auto total = static_cast<std::uint64_t>(claims_.at(peer));
    const std::uint64_t begin = std::uint64_t{ask.piece} * block_length;
    std::string bytes(std::min<std::uint64_t>(block_length, total - begin), 'w');
    if (total == size && in_.below(3) != 0) bytes = info_.substr(begin, block_length);
    if (!fetch_.data(ask.peer, ask.piece, total, std::move(bytes), now_)) leave(peer);
  }

  void settle() {
    std::vector<MetadataFetch::Ask> asks;
    fetch_.take_asks(asks, now_);
    for (const auto& ask : asks) {
      const auto peer = static_cast<std::uint32_t>(ask.peer);
      require(peer == honest || claims_.count(peer) == 1, "only those that offer are asked");
      asks_.push_back(ask);
    }
    for (const auto& liar : fetch_.take_guilty()) {
      require(liar.connection != ConnectionId{honest}, "an honest peer is never called a liar");
      leave(static_cast<std::uint32_t>(liar.connection));
    }
    if (fetch_.state() == MetadataFetch::State::fetching)
      require(fetch_.next_deadline(now_) > now_, "nothing that is due is left undone");
    const std::string broken = fetch_.broken_invariant();
    require(broken.empty(), broken.c_str());
  }

  // The others are silent from now on. Time goes from deadline to
  // deadline: nothing else may be needed.
  void be_honest() {
    fetch_.offered({ConnectionId{honest}, {}, {}}, size);
    for (int i = 0; i < 20'000 && fetch_.state() == MetadataFetch::State::fetching; ++i) {
      settle();
      const auto asks = std::exchange(asks_, {});
      bool answered = false;
      for (const auto& ask : asks) {
        if (ask.peer != ConnectionId{honest}) continue;
        answered = true;
        require(
            fetch_.data(ask.peer, ask.piece, size,
                        info_.substr(std::size_t{ask.piece} * block_length, block_length), now_),
            "an honest answer is fine");
      }
      if (!answered) now_ = fetch_.next_deadline(now_);
    }
    settle();
  }

  fuzz::ByteSource in_;
  const std::string info_;
  MetadataFetch fetch_;
  TimePoint now_{std::chrono::hours(1)};
  std::vector<MetadataFetch::Ask> asks_;
  std::map<std::uint32_t, std::int64_t> claims_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t count) {
  if (count > 8192) return 0;
  Harness(data, count).run();
  return 0;
}
