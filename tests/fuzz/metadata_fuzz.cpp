// ut_metadata (BEP 9): lines of bytes become what a few peers send, each line's first byte saying
// who and what. Messages and extension handshakes that are read are written and read again as the
// same; requests are answered from an info dictionary of one piece, and a MetadataFetch that wants
// the same one is fed with the rest. An honest peer's answer is enough, whatever went before. More
// pieces and more peers are metadata_fetch_fuzz.cpp's.
//
// fuzz-links: barter::client
// fuzz-max-len: 512
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/swarm/metadata_fetch.hpp"
#include "client/swarm/metadata_server.hpp"
#include "client/wire/extension.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "torrent/sha.hpp"

using namespace barter;
using fuzz::require;

namespace {

constexpr std::string_view info =
    "d6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";
constexpr std::uint32_t peers = 4, honest = 4;
constexpr std::uint8_t their_id = 3;
constexpr std::uint8_t handshake_id = 0;

template <class T>
const T& read_again(const std::string& payload, std::uint8_t id, wire::Message& out) {
  out = wire::decode_extended(id, as_bytes(payload));
  require(std::holds_alternative<T>(out), "what we write is read as the same kind");
  return std::get<T>(out);
}

void round_trip(const wire::Message& message) {
  wire::Message read;
  if (const auto* request = std::get_if<wire::MetadataRequest>(&message)) {
    const auto& again = read_again<wire::MetadataRequest>(wire::metadata_payload(*request),
                                                          wire::our_ut_metadata_id, read);
    require(again.piece == request->piece, "a request's piece");
  } else if (const auto* reject = std::get_if<wire::MetadataReject>(&message)) {
    const auto& again = read_again<wire::MetadataReject>(wire::metadata_payload(*reject),
                                                         wire::our_ut_metadata_id, read);
    require(again.piece == reject->piece, "a reject's piece");
  } else if (const auto* data = std::get_if<wire::MetadataData>(&message)) {
    const auto& again = read_again<wire::MetadataData>(wire::metadata_payload(*data),
                                                       wire::our_ut_metadata_id, read);
    require(again.piece == data->piece && again.total_size == data->total_size, "which bytes");
    require(again.data == data->data, "the bytes");
  }
}

void round_trip(const wire::ExtensionHandshake& shaken) {
  require(shaken.client.size() <= wire::client_name_bytes, "names are short");
  require(!shaken.metadata_size || *shaken.metadata_size > 0, "a size is one");
  wire::Message read;
  const auto& again = read_again<wire::ExtensionHandshake>(
      wire::extension_handshake_payload(shaken), handshake_id, read);
  require(again.ut_metadata == shaken.ut_metadata && again.ut_pex == shaken.ut_pex &&
              again.lt_donthave == shaken.lt_donthave,
          "the ids");
  require(again.metadata_size == shaken.metadata_size, "the size");
  require(again.reqq == shaken.reqq && again.listen_port == shaken.listen_port, "the numbers");
  require(again.client == shaken.client, "the name");
  require(again.your_ip == shaken.your_ip, "the address");
  require(again.upload_only == shaken.upload_only, "the flag");
}

class Harness {
 public:
  explicit Harness(std::string_view lines) : lines_(lines), fetch_(wanted()) {}

  void run() {
    for (int i = 0; i < 64 && !lines_.empty(); ++i) {
      const std::size_t end = std::min(lines_.find('\n'), lines_.size());
      if (end > 0) step(static_cast<std::uint8_t>(lines_[0]), lines_.substr(1, end - 1));
      lines_.remove_prefix(std::min(end + 1, lines_.size()));
      settle();
    }
    if (fetch_.state() == MetadataFetch::State::fetching) be_honest();
    require(fetch_.state() == MetadataFetch::State::complete, "an honest peer is enough");
    require(fetch_.take_info() == info, "what comes out is right");
    require(fetch_.held_bytes() == 0, "nothing else is kept");
  }

 private:
  static const InfoHash& wanted() {
    static const InfoHash out{sha1(as_bytes(info)), sha256(as_bytes(info))};
    return out;
  }

  // '0' to '3': a ut_metadata message of that peer; '4' to '7': its extension handshake; '8' to
  // ';': it leaves; '<' to '?': time passes.
  void step(std::uint8_t head, std::string_view rest) {
    const std::uint32_t peer = head % peers;
    switch (head / peers % 4) {
      case 0:
        return message(peer, wire::decode_extended(wire::our_ut_metadata_id, as_bytes(rest)));
      case 1:
        return shake_hands(peer, wire::decode_extended(handshake_id, as_bytes(rest)));
      case 2:
        return leave(peer);
      default:
        now_ += std::chrono::milliseconds(250) * rest.size();
    }
  }

  void shake_hands(std::uint32_t peer, const wire::Message& message) {
    const auto* shaken = std::get_if<wire::ExtensionHandshake>(&message);
    if (shaken == nullptr) return;
    round_trip(*shaken);
    if (shaken->ut_metadata == 0 || !shaken->metadata_size) return;
    fetch_.offered({ConnectionId{peer}, {}, {}}, *shaken->metadata_size);
    const auto most = static_cast<std::int64_t>(MetadataFetch::max_bytes);
    offers_[peer] = offers_[peer] || *shaken->metadata_size <= most;
  }

  void message(std::uint32_t peer, wire::Message message) {
    round_trip(message);
    if (const auto* request = std::get_if<wire::MetadataRequest>(&message)) {
      answer(peer, *request);
    } else if (const auto* reject = std::get_if<wire::MetadataReject>(&message)) {
      fetch_.rejected(ConnectionId{peer}, reject->piece, now_);
    } else if (auto* data = std::get_if<wire::MetadataData>(&message)) {
      const bool fetching = fetch_.state() == MetadataFetch::State::fetching;
      const bool fine = fetch_.data(ConnectionId{peer}, data->piece, data->total_size,
                                    std::move(data->data), now_);
      require(!fine || !fetching || offers_[peer], "a peer that offers nothing sends nothing");
      if (!fine) leave(peer);
    } else {
      require(std::holds_alternative<wire::Unknown>(message), "no other kind under this id");
    }
  }

  void answer(std::uint32_t peer, const wire::MetadataRequest& request) {
    MetadataServer& server = servers_[peer];
    if (!server.ask(request.piece, info.size())) {
      require(request.piece != 0 || server.ready_at() != never, "the piece is given");
      return;
    }
    require(request.piece == 0, "there is one piece");
    while (server.ready_at() <= now_) {
      const wire::MetadataData data = server.next(info, their_id, now_);
      round_trip(data);
      require(data.piece == 0 && data.data == info && data.total_size == info.size(),
              "it is the whole");
      require(data.id == their_id, "under the id that the peer wants");
      server.flushed();
    }
  }

  void leave(std::uint32_t peer) {
    fetch_.left(ConnectionId{peer});
    offers_[peer] = false;
  }

  // True: the honest peer is asked for the piece.
  bool settle() {
    bool asked = false;
    std::vector<MetadataFetch::Ask> asks;
    fetch_.take_asks(asks, now_);
    for (const auto& ask : asks) {
      const auto peer = static_cast<std::uint32_t>(ask.peer);
      require(offers_.at(peer), "only those that offer are asked");
      if (peer == honest) require(std::exchange(asked, true) == false && ask.piece == 0, "once");
    }
    for (const auto& liar : fetch_.take_guilty()) {
      const auto peer = static_cast<std::uint32_t>(liar.connection);
      require(peer != honest, "an honest peer is never called a liar");
      leave(peer);
    }
    require(fetch_.held_bytes() <= MetadataFetch::max_bytes, "memory is bounded");
    if (fetch_.state() == MetadataFetch::State::fetching)
      require(fetch_.next_deadline(now_) > now_, "nothing that is due is left undone");
    const std::string broken = fetch_.broken_invariant();
    require(broken.empty(), broken.c_str());
    return asked;
  }

  // The others are silent from now on; nothing but the time may be needed.
  void be_honest() {
    fetch_.offered({ConnectionId{honest}, {}, {}}, static_cast<std::int64_t>(info.size()));
    offers_[honest] = true;
    for (int i = 0; i < 1000; ++i) {
      if (settle()) {
        require(fetch_.data(ConnectionId{honest}, 0, info.size(), std::string(info), now_),
                "an honest answer is fine");
        settle();
        return;
      }
      now_ = fetch_.next_deadline(now_);
    }
  }

  std::string_view lines_;
  MetadataFetch fetch_;
  TimePoint now_{std::chrono::hours(1)};
  std::array<bool, peers + 1> offers_{};
  std::array<MetadataServer, peers> servers_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Harness(fuzz::text_of(data, size)).run();
  return 0;
}
