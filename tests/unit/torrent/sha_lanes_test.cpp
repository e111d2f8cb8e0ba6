#include "torrent/sha_lanes.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <random>
#include <string>

#include "torrent/sha.hpp"

using namespace barter;

namespace {

Sha1Digest one_by_openssl(std::span<const std::byte> bytes, Sha1Digest) {
  return sha1(bytes);
}
Sha256Digest one_by_openssl(std::span<const std::byte> bytes, Sha256Digest) {
  return sha256(bytes);
}

// Every kernel of this machine, made to take any number of messages; and OpenSSL's way.
std::vector<std::shared_ptr<const ShaKernel>> kernels() {
  std::vector<std::shared_ptr<const ShaKernel>> out{nullptr};
  for (const ShaKernel* kernel : {avx512_kernel(), avx2_kernel()}) {
    if (kernel == nullptr) continue;
    auto eager = std::make_shared<ShaKernel>(*kernel);
    eager->least_sha1 = eager->least_sha256 = eager->least_sha1_slow = eager->least_sha256_slow = 1;
    out.push_back(eager);
  }
  return out;
}

std::vector<std::byte> random_bytes(std::mt19937& random, std::size_t size) {
  std::vector<std::byte> out(size);
  for (auto& byte : out) byte = static_cast<std::byte>(random());
  return out;
}

constexpr std::size_t lengths[] = {0,   1,   54,  55,  56,  57,  63,  64,   65,   119,  120,
                                   121, 127, 128, 129, 192, 247, 256, 1000, 4096, 16384};

template <class Digest>
void check_whole(const ShaKernel* kernel, const std::vector<std::vector<std::byte>>& messages) {
  ShaLanes<Digest> lanes(kernel);
  const std::vector<std::span<const std::byte>> parts(messages.begin(), messages.end());
  std::vector<Digest> digests(messages.size());
  lanes.hash(parts, digests);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    CAPTURE(i, messages[i].size());
    REQUIRE(digests[i] == one_by_openssl(messages[i], Digest{}));
  }
}

// Messages of different lengths, brought in parts that are multiples of 64 bytes, or empty.
template <class Digest>
void check_streams(const ShaKernel* kernel, std::mt19937& random, std::size_t count) {
  ShaLanes<Digest> lanes(kernel);
  for (int round = 0; round < 2; ++round) {  // it can be used again
    std::vector<std::vector<std::byte>> messages;
    for (std::size_t i = 0; i < count; ++i) {
      messages.push_back(random_bytes(random, random() % 1500));
    }
    std::vector<std::span<const std::byte>> rest(messages.begin(), messages.end());
    lanes.begin(count);
    for (bool more = true; more;) {
      more = false;
      std::vector<std::span<const std::byte>> parts;
      for (auto& left : rest) {
        parts.push_back(left.first(std::min<std::size_t>(left.size(), random() % 6 * 64)));
        left = left.subspan(parts.back().size());
        more = more || !left.empty();
      }
      lanes.update(parts);
    }
    std::vector<Digest> digests(count);
    lanes.finish(digests);
    for (std::size_t i = 0; i < count; ++i) {
      CAPTURE(i, messages[i].size());
      REQUIRE(digests[i] == one_by_openssl(messages[i], Digest{}));
    }
  }
}

}  // namespace

TEST_CASE("lanes give OpenSSL's digests for every length and number of messages") {
  std::mt19937 random(7);
  for (const auto& kernel : kernels()) {
    CAPTURE(kernel ? kernel->name : "openssl");
    for (const std::size_t length : lengths) {
      for (const std::size_t count : {1, 2, 3, 7, 8, 9, 15, 16, 17, 40}) {
        CAPTURE(length, count);
        std::vector<std::vector<std::byte>> messages;
        for (std::size_t i = 0; i < count; ++i) messages.push_back(random_bytes(random, length));
        check_whole<Sha1Digest>(kernel.get(), messages);
        check_whole<Sha256Digest>(kernel.get(), messages);
      }
    }
  }
}

TEST_CASE("lanes take messages of unequal lengths") {
  std::mt19937 random(8);
  for (const auto& kernel : kernels()) {
    CAPTURE(kernel ? kernel->name : "openssl");
    for (std::size_t count = 1; count <= max_sha_lanes; ++count) {
      CAPTURE(count);
      for (int round = 0; round < 20; ++round) {
        std::vector<std::vector<std::byte>> messages;
        for (std::size_t i = 0; i < count; ++i) {
          messages.push_back(random_bytes(random, lengths[random() % std::size(lengths)]));
        }
        check_whole<Sha1Digest>(kernel.get(), messages);
        check_whole<Sha256Digest>(kernel.get(), messages);
      }
      check_streams<Sha1Digest>(kernel.get(), random, count);
      check_streams<Sha256Digest>(kernel.get(), random, count);
    }
  }
}

TEST_CASE("a message longer than 512 MiB has its length in more than 32 bits") {
  // In bits that is 2^32 and more; the lanes see the same 64 KiB again and again.
  const std::vector<std::byte> part(64 * 1024, std::byte{0x5a});
  constexpr std::size_t times = (std::size_t{512} << 20) / (64 * 1024) + 1;
  Sha1 expected;
  for (std::size_t i = 0; i < times; ++i) expected.update(part);
  const Sha1Digest digest = expected.finish();
  Sha1Lanes lanes;
  const std::vector<std::span<const std::byte>> parts(lanes.width(), part);
  lanes.begin(parts.size());
  for (std::size_t i = 0; i < times; ++i) lanes.update(parts);
  std::vector<Sha1Digest> digests(parts.size());
  lanes.finish(digests);
  for (const Sha1Digest& one : digests) CHECK(one == digest);
}

TEST_CASE("few messages are left to OpenSSL where that is faster") {
  const Sha1Lanes lanes;
  CHECK(lanes.width() >= 1);
  CHECK(Sha1Lanes(nullptr).width() == 1);
  if (avx512_kernel() != nullptr) CHECK(lanes.width() == 16);
}
