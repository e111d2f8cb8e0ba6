#include "client/wire/extension.hpp"

#include <catch2/catch.hpp>

#include "torrent/digest.hpp"

using namespace barter;
using namespace barter::wire;

namespace {
bool is_unknown(const Message& message) {
  return std::holds_alternative<Unknown>(message);
}
}  // namespace

TEST_CASE("an extension handshake survives the round trip") {
  ExtensionHandshake ours;
  ours.ut_metadata = our_ut_metadata_id;
  ours.lt_donthave = our_lt_donthave_id;
  ours.metadata_size = 31235;
  ours.reqq = 512;
  ours.listen_port = 6881;
  ours.client = "barter/1";
  ours.upload_only = true;
  for (const char* address : {"10.0.0.1", "2001:db8::1"}) {
    ours.your_ip = Address::parse(address);
    const Message message = decode_extended(0, as_bytes(extension_handshake_payload(ours)));
    REQUIRE(std::holds_alternative<ExtensionHandshake>(message));
    const auto& back = std::get<ExtensionHandshake>(message);
    CHECK(back.ut_metadata == ours.ut_metadata);
    CHECK(back.lt_donthave == ours.lt_donthave);
    CHECK(back.metadata_size == ours.metadata_size);
    CHECK(back.reqq == ours.reqq);
    CHECK(back.listen_port == ours.listen_port);
    CHECK(back.client == ours.client);
    CHECK(back.upload_only == ours.upload_only);
    CHECK(back.your_ip == ours.your_ip);
  }
}

TEST_CASE("an extension handshake with odd values keeps those that make sense") {
  const Message message = decode_extended(
      0, as_bytes("d1:md11:lt_donthavei-1e11:ut_metadatai300ee13:metadata_sizei-5e1:pi0e"
                  "4:reqqi99999999999e1:v3:abc6:yourip3:xyze"));
  REQUIRE(std::holds_alternative<ExtensionHandshake>(message));
  const auto& back = std::get<ExtensionHandshake>(message);
  CHECK(back.ut_metadata == 0);
  CHECK(back.lt_donthave == 0);
  CHECK_FALSE(back.metadata_size);
  CHECK_FALSE(back.listen_port);
  CHECK_FALSE(back.reqq);
  CHECK_FALSE(back.your_ip);
  CHECK_FALSE(back.upload_only);
  CHECK(back.client == "abc");
}

TEST_CASE("a client's name is cut") {
  const std::string payload = "d1:v200:" + std::string(200, 'x') + "e";
  const Message message = decode_extended(0, as_bytes(payload));
  REQUIRE(std::holds_alternative<ExtensionHandshake>(message));
  CHECK(std::get<ExtensionHandshake>(message).client == std::string(client_name_bytes, 'x'));
}

TEST_CASE("ut_metadata messages survive the round trip") {
  const Message request =
      decode_extended(our_ut_metadata_id, as_bytes(metadata_payload(MetadataRequest{4, 3})));
  REQUIRE(std::holds_alternative<MetadataRequest>(request));
  CHECK(std::get<MetadataRequest>(request).piece == 4);

  const std::string payload = metadata_payload(MetadataData{1, 20000, "d1:xi0ee", 3});
  const Message data = decode_extended(our_ut_metadata_id, as_bytes(payload));
  REQUIRE(std::holds_alternative<MetadataData>(data));
  CHECK(std::get<MetadataData>(data).piece == 1);
  CHECK(std::get<MetadataData>(data).total_size == 20000);
  CHECK(std::get<MetadataData>(data).data == "d1:xi0ee");

  const Message reject =
      decode_extended(our_ut_metadata_id, as_bytes(metadata_payload(MetadataReject{9, 3})));
  REQUIRE(std::holds_alternative<MetadataReject>(reject));
  CHECK(std::get<MetadataReject>(reject).piece == 9);
}

TEST_CASE("lt_donthave is four bytes") {
  const Message message = decode_extended(our_lt_donthave_id, as_bytes({"\0\0\1\2", 4}));
  REQUIRE(std::holds_alternative<DontHave>(message));
  CHECK(std::get<DontHave>(message).piece == 258);
  CHECK(is_unknown(decode_extended(our_lt_donthave_id, as_bytes("12345"))));
}

TEST_CASE("extended payloads that make no sense are ignored, not fatal") {
  CHECK(is_unknown(decode_extended(0, {})));
  CHECK(is_unknown(decode_extended(0, as_bytes("garbage"))));
  CHECK(is_unknown(decode_extended(0, as_bytes("i5e"))));
  CHECK(is_unknown(decode_extended(77, as_bytes("de"))));
  CHECK(is_unknown(decode_extended(our_ut_metadata_id, as_bytes("d8:msg_typei0ee"))));
  CHECK(is_unknown(decode_extended(our_ut_metadata_id, as_bytes("d8:msg_typei7e5:piecei0ee"))));
  CHECK(is_unknown(decode_extended(our_ut_metadata_id, as_bytes("d8:msg_typei1e5:piecei0ee"))));
  // Nested deeper than anything of use.
  CHECK(is_unknown(decode_extended(0, as_bytes(std::string(100'000, 'l')))));
  CHECK(is_unknown(
      decode_extended(0, as_bytes("d1:a" + std::string(9, 'l') + std::string(9, 'e') + "e"))));
}
