#include "client/swarm/early_messages.hpp"

#include <catch2/catch.hpp>

using namespace barter;

namespace {
template <class M>
bool take(EarlyMessages& early, M message) {
  wire::Message value = std::move(message);
  return early.take(value);
}
}  // namespace

TEST_CASE("what is about pieces is kept in order, the rest is not") {
  EarlyMessages early;
  CHECK(take(early, wire::HaveNone{}));
  CHECK(take(early, wire::Have{7}));
  CHECK(take(early, wire::AllowedFast{3}));
  CHECK(take(early, wire::DontHave{7, 0}));
  CHECK_FALSE(take(early, wire::Unchoke{}));
  CHECK_FALSE(take(early, wire::KeepAlive{}));
  CHECK_FALSE(take(early, wire::ExtensionHandshake{}));
  const auto kept = early.release();
  REQUIRE(kept.size() == 4);
  CHECK(std::holds_alternative<wire::HaveNone>(kept[0]));
  CHECK(std::get<wire::Have>(kept[1]).piece == 7);
  CHECK(std::get<wire::AllowedFast>(kept[2]).piece == 3);
  CHECK(std::get<wire::DontHave>(kept[3]).piece == 7);
}

TEST_CASE("a have joins the bitfield before it") {
  EarlyMessages early;
  CHECK(take(early, wire::BitfieldMessage{{std::byte{0x80}, std::byte{0}}}));
  for (std::uint32_t i = 0; i < 10'000; ++i) CHECK(take(early, wire::Have{9}));
  CHECK(take(early, wire::DontHave{0, 0}));
  CHECK(take(early, wire::BitfieldMessage{{std::byte{0x01}, std::byte{0}}}));
  const auto kept = early.release();
  REQUIRE(kept.size() == 1);
  const auto& bits = std::get<wire::BitfieldMessage>(kept[0]).bits;
  CHECK(bits == std::vector<std::byte>{std::byte{0x01}, std::byte{0x40}});
}

TEST_CASE("what is kept is bounded") {
  EarlyMessages early;
  for (std::uint32_t i = 0; i < 100'000; ++i) CHECK(take(early, wire::Have{i}));
  CHECK(early.release().size() == EarlyMessages::max_messages);
}
