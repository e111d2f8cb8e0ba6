#include "client/wire/message.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "torrent/digest.hpp"

using namespace barter;
using namespace barter::wire;

namespace {

std::string encoded(const Message& message) {
  std::vector<std::byte> out;
  encode(message, out);
  return std::string(as_text(out));
}

struct Row {
  const char* name;
  Message message;
  std::string bytes;
};

std::string raw(std::string_view hex) {
  std::string out(hex.size() / 2, '\0');
  REQUIRE(from_hex(hex, {reinterpret_cast<std::byte*>(out.data()), out.size()}));
  return out;
}

std::vector<Row> rows() {
  std::vector<Row> out;
  const auto add = [&](const char* name, Message message, std::string_view hex) {
    out.push_back({name, std::move(message), raw(hex)});
  };
  add("keep-alive", KeepAlive{}, "00000000");
  add("choke", Choke{}, "0000000100");
  add("unchoke", Unchoke{}, "0000000101");
  add("interested", Interested{}, "0000000102");
  add("not interested", NotInterested{}, "0000000103");
  add("have", Have{0x01020304}, "000000050401020304");
  add("bitfield", BitfieldMessage{{std::byte{0xa5}, std::byte{0x80}}}, "0000000305a580");
  add("request", Request{1, 0x4000, 0x4000}, "0000000d06000000010000400000004000");
  add("cancel", Cancel{1, 0x4000, 0x4000}, "0000000d08000000010000400000004000");
  add("port", Port{0x1ae1}, "00000003091ae1");
  add("suggest", Suggest{7}, "000000050d00000007");
  add("have all", HaveAll{}, "000000010e");
  add("have none", HaveNone{}, "000000010f");
  add("reject", Reject{1, 2, 3}, "0000000d10000000010000000200000003");
  add("allowed fast", AllowedFast{9}, "000000051100000009");
  return out;
}

}  // namespace

TEST_CASE("messages have the bytes of their BEPs, and come back from them") {
  for (const Row& row : rows()) {
    INFO(row.name);
    CHECK(encoded(row.message) == row.bytes);
    const auto body = as_bytes(row.bytes).subspan(4);
    const auto back = decode(body);
    REQUIRE(back.has_value());
    CHECK(back->index() == row.message.index());
    CHECK(encoded(*back) == row.bytes);
  }
}

TEST_CASE("a message that is a byte too long or too short is an error") {
  for (const Row& row : rows()) {
    if (std::holds_alternative<KeepAlive>(row.message) ||
        std::holds_alternative<BitfieldMessage>(row.message)) {
      continue;  // any length is one of theirs; the swarm knows the right one of a bitfield
    }
    INFO(row.name);
    std::string body = row.bytes.substr(4);
    CHECK_FALSE(decode(as_bytes(body + "x")).has_value());
    body.pop_back();
    if (!body.empty()) CHECK_FALSE(decode(as_bytes(body)).has_value());
  }
}

TEST_CASE("a piece is its header and its bytes") {
  BlockPool pool(1);
  Piece piece;
  piece.piece = 3;
  piece.begin = 0x8000;
  piece.block = pool.take();
  piece.block.set_size(4);
  std::ranges::copy(as_bytes("data"), piece.block.data());
  const std::string bytes = encoded(std::move(piece));
  CHECK(bytes == raw("0000000d070000000300008000") + "data");
  std::array<std::byte, piece_header_length> header{};
  encode_piece_header(3, 0x8000, 4, header);
  CHECK(bytes.substr(0, 13) == as_text(header));
}

TEST_CASE("the short way to write a have gives the same bytes") {
  std::vector<std::byte> out;
  encode_have(77, out);
  CHECK(as_text(out) == encoded(Have{77}));
}

TEST_CASE("an unknown id is Unknown, whatever follows it") {
  const auto message = decode(as_bytes("\x63 anything"));
  REQUIRE(message.has_value());
  REQUIRE(std::holds_alternative<Unknown>(*message));
  CHECK(std::get<Unknown>(*message).id == 0x63);
}
