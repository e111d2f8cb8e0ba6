#include "client/wire/utp.hpp"

#include <catch2/catch.hpp>

#include "client/net/utp_refusal.hpp"

namespace barter::wire {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> numbers) {
  std::vector<std::byte> out;
  for (const int number : numbers) out.push_back(static_cast<std::byte>(number));
  return out;
}

// As libtorrent sends it, with an extension behind the header.
const auto syn = bytes({0x41, 2,    0x12, 0x34, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0xff,
                        0xff, 0xab, 0xcd, 0,    0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0});

TEST_CASE("a call by uTP is answered by a reset of its own id, that acknowledges it") {
  const auto reset = utp_reset(syn);
  REQUIRE(reset);
  CHECK(std::vector(reset->begin(), reset->end()) ==
        bytes({0x31, 0, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab, 0xcd}));
  CHECK(utp_reset(std::span(syn).first(utp_header_length)));
}

TEST_CASE("nothing else is answered by a reset") {
  CHECK_FALSE(utp_reset({}));
  CHECK_FALSE(utp_reset(std::span(syn).first(utp_header_length - 1)));
  for (int first = 0; first < 256; ++first) {
    auto other = syn;
    other[0] = static_cast<std::byte>(first);
    CHECK(utp_reset(other).has_value() == (first == 0x41));
  }
}

TEST_CASE("so many calls by uTP are refused a second, and no more") {
  net::UtpRefusals refusals;
  TimePoint now{std::chrono::seconds(1000)};
  const std::string call(reinterpret_cast<const char*>(syn.data()), syn.size());
  const auto answered = [&] {
    int out = 0;
    for (int i = 0; i < 1000; ++i) out += refusals.answer(call, now).has_value() ? 1 : 0;
    return out;
  };
  CHECK(answered() == 201);
  CHECK(answered() == 0);
  now += std::chrono::milliseconds(500);
  CHECK(answered() == 100);
  now += std::chrono::hours(1);
  CHECK(answered() == 201);
  CHECK_FALSE(refusals.answer("d1:ad2:id20:", now + std::chrono::hours(1)));
}

}  // namespace
}  // namespace barter::wire
