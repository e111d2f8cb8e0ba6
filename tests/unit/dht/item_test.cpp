#include "dht/item.hpp"

#include <catch2/catch.hpp>

#include "dht/item_store.hpp"

namespace barter::dht {
namespace {

template <class T>
T hex(std::string_view text) {
  T out;
  REQUIRE(from_hex(text, out.bytes));
  return out;
}

Item vector(std::string salt, std::string_view signature) {
  Item item;
  item.value = "12:Hello World!";
  item.key = hex<PublicKey>("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548");
  item.signature = hex<Signature>(signature);
  item.sequence = 1;
  item.salt = std::move(salt);
  return item;
}

// BEP 44's own.
TEST_CASE("the items of the specification") {
  const Item plain = vector("",
                            "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
                            "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01");
  CHECK(to_hex(target_of(plain)) == "4a533d47ec9c7d95b1ad75f576cffc641853b750");
  CHECK(verify(plain));
  const Item salted = vector("foobar",
                             "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d"
                             "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08");
  CHECK(to_hex(target_of(salted)) == "411eba73b6f087ca51a3795d9c8c938d365e32c1");
  CHECK(verify(salted));
  CHECK(to_hex(target_of("12:Hello World!")) == "e5f96f6f38320f0f33959cb4d3d656452117aadb");
}

TEST_CASE("what was signed cannot be changed") {
  KeySeed seed;
  seed.bytes.fill(std::byte{5});
  const Item item = sign_item(seed, "5:value", 7, "s");
  CHECK(item.key == public_key(seed));
  CHECK(verify(item));
  const auto broken = [&](auto change) {
    Item other = item;
    change(other);
    return fault_of(other);
  };
  CHECK_FALSE(fault_of(item));
  CHECK(broken([](Item& i) { i.value = "5:Value"; }) == error_code::invalid_signature);
  CHECK(broken([](Item& i) { i.sequence = 8; }) == error_code::invalid_signature);
  CHECK(broken([](Item& i) { i.salt = "t"; }) == error_code::invalid_signature);
  CHECK(broken([](Item& i) { i.signature.bytes[3] ^= std::byte{1}; }) ==
        error_code::invalid_signature);
  CHECK(broken([](Item& i) { i.salt = std::string(65, 's'); }) == error_code::salt_too_big);
  CHECK(broken([](Item& i) { i.value = "997:" + std::string(997, 'v'); }) ==
        error_code::value_too_big);
  CHECK(broken([](Item& i) { i.value = "d1:bi1e1:ai1ee"; }) == error_code::protocol);  // unsorted
  CHECK(broken([](Item& i) { i.value = "5:val"; }) == error_code::protocol);
}

TEST_CASE("the newest of a mutable item stays") {
  KeySeed seed;
  ItemStore store({});
  Random random(1);
  const TimePoint now{std::chrono::hours(1)};
  const auto put = [&](std::string value, std::int64_t sequence,
                       std::optional<std::int64_t> cas = {}) {
    return store.put(sign_item(seed, std::move(value), sequence, ""), cas, now, random);
  };
  const NodeId target = target_of(public_key(seed), "");
  CHECK_FALSE(put("1:a", 5, 77));  // nothing to compare with
  CHECK(put("1:b", 4) == error_code::old_sequence);
  CHECK(put("1:b", 5) == error_code::old_sequence);
  CHECK_FALSE(put("1:a", 5));  // the same again
  CHECK(put("1:b", 6, 4) == error_code::cas_mismatch);
  CHECK_FALSE(put("1:b", 6, 5));
  REQUIRE(store.find(target, now) != nullptr);
  CHECK(store.find(target, now)->value == "1:b");
  Item forged = sign_item(seed, "1:c", 7, "");
  forged.signature.bytes[0] ^= std::byte{1};
  CHECK(store.put(forged, {}, now, random) == error_code::invalid_signature);
}

TEST_CASE("the store is bounded and forgets") {
  ItemStoreLimits limits;
  limits.items = 20;
  ItemStore store(limits);
  Random random(1);
  const TimePoint now{std::chrono::hours(1)};
  for (int i = 0; i < 100; ++i) {
    Item item;
    item.value = "i" + std::to_string(i) + "e";
    CHECK_FALSE(store.put(item, {}, now + std::chrono::seconds(i), random));
    CHECK(store.find(target_of(item), now + std::chrono::seconds(i)) != nullptr);
  }
  CHECK(store.size() == 20);
  CHECK(store.find(target_of("i99e"), now + std::chrono::hours(3)) == nullptr);
  store.expire(now + std::chrono::hours(3));
  CHECK(store.size() == 0);
}

}  // namespace
}  // namespace barter::dht
