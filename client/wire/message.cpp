#include "client/wire/message.hpp"

#include <cstring>
#include <string_view>

#include "client/wire/byte_order.hpp"
#include "client/wire/extension.hpp"
#include "client/wire/pex.hpp"

namespace barter::wire {

namespace {

class Encoder {
 public:
  explicit Encoder(std::vector<std::byte>& out) : out_(out) {}

  void operator()(const KeepAlive&) { grow(4, 0); }
  void operator()(const Choke&) { bare(Id::choke); }
  void operator()(const Unchoke&) { bare(Id::unchoke); }
  void operator()(const Interested&) { bare(Id::interested); }
  void operator()(const NotInterested&) { bare(Id::not_interested); }
  void operator()(const HaveAll&) { bare(Id::have_all); }
  void operator()(const HaveNone&) { bare(Id::have_none); }
  void operator()(const Have& m) { one_number(Id::have, m.piece); }
  void operator()(const Suggest& m) { one_number(Id::suggest, m.piece); }
  void operator()(const AllowedFast& m) { one_number(Id::allowed_fast, m.piece); }
  void operator()(const Request& m) { block(Id::request, m.piece, m.begin, m.length); }
  void operator()(const Cancel& m) { block(Id::cancel, m.piece, m.begin, m.length); }
  void operator()(const Reject& m) { block(Id::reject, m.piece, m.begin, m.length); }
  void operator()(const Port& m) { store_u16(header(Id::port, 2), m.port); }
  void operator()(const BitfieldMessage& m) {
    std::byte* body = header(Id::bitfield, m.bits.size());
    if (!m.bits.empty()) std::memcpy(body, m.bits.data(), m.bits.size());
  }
  void operator()(const Piece& m) {
    std::byte* body = header(Id::piece, 8 + m.block.size());
    store_u32(body, m.piece);
    store_u32(body + 4, m.begin);
    if (m.block.size() > 0) std::memcpy(body + 8, m.block.data(), m.block.size());
  }
  void operator()(const ExtensionHandshake& m) { extended(0, extension_handshake_payload(m)); }
  void operator()(const MetadataRequest& m) { extended(m.id, metadata_payload(m)); }
  void operator()(const MetadataData& m) { extended(m.id, metadata_payload(m)); }
  void operator()(const MetadataReject& m) { extended(m.id, metadata_payload(m)); }
  void operator()(const DontHave& m) {
    std::byte* body = header(Id::extended, 5);
    body[0] = std::byte{m.id};
    store_u32(body + 1, m.piece);
  }
  void operator()(const PeerExchange& m) { extended(m.id, pex_payload(m)); }
  void operator()(const Unknown&) {}

 private:
  // Appends the length prefix and `body` bytes to fill; returns where they begin.
  std::byte* grow(std::size_t total, std::uint32_t length) {
    const std::size_t at = out_.size();
    out_.resize(at + total);
    store_u32(out_.data() + at, length);
    return out_.data() + at + 4;
  }
  std::byte* header(Id id, std::size_t body) {
    std::byte* at = grow(5 + body, static_cast<std::uint32_t>(1 + body));
    at[0] = static_cast<std::byte>(id);
    return at + 1;
  }
  void bare(Id id) { header(id, 0); }
  void one_number(Id id, std::uint32_t number) { store_u32(header(id, 4), number); }
  void block(Id id, std::uint32_t piece, std::uint32_t begin, std::uint32_t length) {
    std::byte* body = header(id, 12);
    store_u32(body, piece);
    store_u32(body + 4, begin);
    store_u32(body + 8, length);
  }
  void extended(std::uint8_t id, std::string_view payload) {
    std::byte* body = header(Id::extended, 1 + payload.size());
    body[0] = std::byte{id};
    if (!payload.empty()) std::memcpy(body + 1, payload.data(), payload.size());
  }

  std::vector<std::byte>& out_;
};

Error wrong_length(std::string_view name, std::size_t length) {
  return Error{Errc::protocol,
               std::string(name) + " message of " + std::to_string(length) + " bytes"};
}

template <class T>
Result<Message> bare(std::string_view name, std::size_t size) {
  if (size != 1) return wrong_length(name, size);
  return Message(T{});
}

template <class T>
Result<Message> one_number(std::string_view name, std::span<const std::byte> body) {
  if (body.size() != 5) return wrong_length(name, body.size());
  return Message(T{load_u32(body.data() + 1)});
}

template <class T>
Result<Message> block(std::string_view name, std::span<const std::byte> body) {
  if (body.size() != 13) return wrong_length(name, body.size());
  return Message(
      T{load_u32(body.data() + 1), load_u32(body.data() + 5), load_u32(body.data() + 9)});
}

}  // namespace

void encode(const Message& message, std::vector<std::byte>& out) {
  std::visit(Encoder(out), message);
}

void encode_have(std::uint32_t piece, std::vector<std::byte>& out) {
  Encoder{out}(Have{piece});
}

void encode_piece_header(std::uint32_t piece, std::uint32_t begin, std::uint32_t length,
                         std::span<std::byte, piece_header_length> out) {
  store_u32(out.data(), 9 + length);
  out[4] = static_cast<std::byte>(Id::piece);
  store_u32(out.data() + 5, piece);
  store_u32(out.data() + 9, begin);
}

Result<Message> decode(std::span<const std::byte> body) {
  if (body.empty()) return Message(KeepAlive{});
  const auto number = std::to_integer<std::uint8_t>(body[0]);
  switch (static_cast<Id>(number)) {
    case Id::choke:
      return bare<Choke>("choke", body.size());
    case Id::unchoke:
      return bare<Unchoke>("unchoke", body.size());
    case Id::interested:
      return bare<Interested>("interested", body.size());
    case Id::not_interested:
      return bare<NotInterested>("not interested", body.size());
    case Id::have_all:
      return bare<HaveAll>("have all", body.size());
    case Id::have_none:
      return bare<HaveNone>("have none", body.size());
    case Id::have:
      return one_number<Have>("have", body);
    case Id::suggest:
      return one_number<Suggest>("suggest", body);
    case Id::allowed_fast:
      return one_number<AllowedFast>("allowed fast", body);
    case Id::request:
      return block<Request>("request", body);
    case Id::cancel:
      return block<Cancel>("cancel", body);
    case Id::reject:
      return block<Reject>("reject", body);
    case Id::port:
      if (body.size() != 3) return wrong_length("port", body.size());
      return Message(Port{load_u16(body.data() + 1)});
    case Id::bitfield:
      return Message(BitfieldMessage{std::vector<std::byte>(body.begin() + 1, body.end())});
    case Id::extended:
      if (body.size() < 2) return wrong_length("extended", body.size());
      return decode_extended(std::to_integer<std::uint8_t>(body[1]), body.subspan(2));
    case Id::piece:
      return Error{Errc::protocol, "a block where none can be"};
  }
  return Message(Unknown{number});
}

}  // namespace barter::wire
