#include "sim/action_digest.hpp"

#include <span>
#include <string_view>
#include <variant>

#include "client/wire/message.hpp"
#include "torrent/overloaded.hpp"
#include "torrent/sha.hpp"

namespace barter::sim {
namespace {

constexpr std::size_t folded_at = 1 << 20;

// Each field one after the other, numbers of eight bytes, texts with their length before them.
class Bytes {
 public:
  explicit Bytes(std::vector<std::byte>& out) : out_(out) {}

  Bytes& number(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8)
      out_.push_back(static_cast<std::byte>(value >> shift));
    return *this;
  }
  template <class Value>
  requires std::is_enum_v<Value> Bytes& number(Value value) {
    return number(static_cast<std::uint64_t>(value));
  }
  Bytes& text(std::string_view value) {
    number(value.size());
    const auto bytes = as_bytes(value);
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Bytes& endpoint(const Endpoint& value) { return text(to_string(value)); }
  Bytes& range(const BlockRange& value) {
    return number(value.piece).number(value.begin).number(value.length);
  }
  Bytes& message(const wire::Message& value) {
    wire::encode(value, out_);
    return *this;
  }

 private:
  std::vector<std::byte>& out_;
};

void put(const Action& action, Bytes& out) {
  out.number(action.index());
  std::visit(
      Overloaded{
          [&](const Connect& a) { out.endpoint(a.endpoint).number(a.source); },
          [&](const Disconnect& a) { out.number(a.connection).number(a.reason).text(a.detail); },
          [&](const Send& a) { out.number(a.connection).message(a.message); },
          [&](const SendHave& a) {
            out.number(a.piece);
            for (const ConnectionId id : a.connections) out.number(id);
          },
          [&](const SendBlock& a) { out.number(a.connection).range(a.range); },
          [&](const CancelBlock& a) { out.number(a.connection).range(a.range); },
          [&](const StorePiece& a) {
            out.number(a.piece).number(a.blocks.size()).number(a.want_digests ? 1U : 0U);
          },
          [&](const SpillBlock& a) { out.number(a.block.piece).number(a.block.block); },
          [&](const DropSpilled& a) { out.number(a.piece); },
          [&](const Announce& a) {
            out.number(a.tracker).number(a.event).number(a.uploaded).number(a.downloaded);
            out.number(a.left).number(a.peers_wanted).text(a.tracker_id);
          },
          [&](const FindPeers& a) { out.number(a.wanted ? 1U : 0U); },
          [&](const NodeHeard& a) { out.endpoint(a.node); },
          [&](const Notify& a) { out.number(a.notice.index()); },
      },
      action);
}

}  // namespace

void ActionDigest::add(std::uint32_t node, TimePoint now, const std::vector<Action>& actions) {
  if (actions.empty()) return;
  Bytes out(bytes_);
  out.number(node).number(static_cast<std::uint64_t>(now.time_since_epoch().count()));
  for (const Action& action : actions) put(action, out);
  if (bytes_.size() >= folded_at) fold();
}

void ActionDigest::fold() {
  bytes_.insert(bytes_.end(), digest_.bytes.begin(), digest_.bytes.end());
  digest_ = sha256(bytes_);
  bytes_.clear();
}

std::string ActionDigest::hex() {
  fold();
  return to_hex(digest_);
}

}  // namespace barter::sim
