#include "client/wire/extension.hpp"

#include <limits>
#include <string_view>

#include "client/wire/byte_order.hpp"
#include "client/wire/pex.hpp"
#include "torrent/bencode.hpp"
#include "torrent/digest.hpp"

namespace barter::wire {

namespace {

constexpr bencode::Limits limits{.bytes = 1 << 20, .depth = extension_depth, .tokens = 4096};

Message unknown_extended() {
  return Unknown{static_cast<std::uint8_t>(Id::extended)};
}

template <class T>
std::optional<T> in_range(std::optional<std::int64_t> value, std::int64_t low) {
  if (!value || *value < low || *value > std::int64_t{std::numeric_limits<T>::max()}) {
    return std::nullopt;
  }
  return static_cast<T>(*value);
}

Message decode_handshake(std::string_view payload) {
  const auto document = bencode::parse_prefix(payload, limits);
  if (!document || document->root().type() != bencode::Type::dictionary) return unknown_extended();
  const bencode::Node root = document->root();
  ExtensionHandshake out;
  if (const auto ids = root.find_dictionary("m")) {
    out.ut_metadata = in_range<std::uint8_t>(ids->find_integer("ut_metadata"), 1).value_or(0);
    out.lt_donthave = in_range<std::uint8_t>(ids->find_integer("lt_donthave"), 1).value_or(0);
    out.ut_pex = in_range<std::uint8_t>(ids->find_integer("ut_pex"), 1).value_or(0);
  }
  out.metadata_size = in_range<std::int64_t>(root.find_integer("metadata_size"), 1);
  out.reqq = in_range<std::uint32_t>(root.find_integer("reqq"), 1);
  out.listen_port = in_range<std::uint16_t>(root.find_integer("p"), 1);
  out.client = root.find_string("v").value_or("").substr(0, client_name_bytes);
  if (const auto ours = root.find_string("yourip")) out.your_ip = Address::from(*ours);
  if (const auto flag = root.find_integer("upload_only")) out.upload_only = *flag != 0;
  return out;
}

// BEP 9: a dictionary, and for data the bytes right behind it.
Message decode_metadata(std::string_view payload) {
  const auto document = bencode::parse_prefix(payload, limits);
  if (!document) return unknown_extended();
  const bencode::Node root = document->root();
  const auto type = root.find_integer("msg_type");
  const auto piece = in_range<std::uint32_t>(root.find_integer("piece"), 0);
  if (!type || !piece) return unknown_extended();
  switch (*type) {
    case 0:
      return MetadataRequest{*piece, 0};
    case 1: {
      const auto size = in_range<std::int64_t>(root.find_integer("total_size"), 1);
      if (!size) return unknown_extended();
      MetadataData out;
      out.piece = *piece;
      out.total_size = static_cast<std::uint64_t>(*size);
      out.data = payload.substr(document->consumed());
      return out;
    }
    case 2:
      return MetadataReject{*piece, 0};
    default:
      return unknown_extended();
  }
}

}  // namespace

std::string extension_handshake_payload(const ExtensionHandshake& handshake) {
  bencode::Writer w;
  w.begin_dictionary();
  w.key("m").begin_dictionary();
  if (handshake.lt_donthave != 0) w.key("lt_donthave").integer(handshake.lt_donthave);
  if (handshake.ut_metadata != 0) w.key("ut_metadata").integer(handshake.ut_metadata);
  if (handshake.ut_pex != 0) w.key("ut_pex").integer(handshake.ut_pex);
  w.end();
  if (handshake.metadata_size) w.key("metadata_size").integer(*handshake.metadata_size);
  if (handshake.listen_port) w.key("p").integer(*handshake.listen_port);
  if (handshake.reqq) w.key("reqq").integer(*handshake.reqq);
  if (handshake.upload_only) w.key("upload_only").integer(*handshake.upload_only ? 1 : 0);
  if (!handshake.client.empty()) {
    w.key("v").string(std::string_view(handshake.client).substr(0, client_name_bytes));
  }
  if (handshake.your_ip) w.key("yourip").string(handshake.your_ip->view());
  w.end();
  return w.take();
}

std::string metadata_payload(const MetadataRequest& request) {
  bencode::Writer w;
  w.begin_dictionary().key("msg_type").integer(0).key("piece").integer(request.piece).end();
  return w.take();
}

std::string metadata_payload(const MetadataData& data) {
  bencode::Writer w;
  w.begin_dictionary().key("msg_type").integer(1).key("piece").integer(data.piece);
  w.key("total_size").integer(static_cast<std::int64_t>(data.total_size)).end();
  return w.take() + data.data;
}

std::string metadata_payload(const MetadataReject& reject) {
  bencode::Writer w;
  w.begin_dictionary().key("msg_type").integer(2).key("piece").integer(reject.piece).end();
  return w.take();
}

Message decode_extended(std::uint8_t id, std::span<const std::byte> payload) {
  switch (id) {
    case 0:
      return decode_handshake(as_text(payload));
    case our_ut_metadata_id:
      return decode_metadata(as_text(payload));
    case our_lt_donthave_id:
      if (payload.size() != 4) return unknown_extended();
      return DontHave{load_u32(payload.data()), 0};
    case our_ut_pex_id:
      if (auto exchange = decode_pex(as_text(payload))) return std::move(*exchange);
      return unknown_extended();
    default:
      return unknown_extended();
  }
}

}  // namespace barter::wire
