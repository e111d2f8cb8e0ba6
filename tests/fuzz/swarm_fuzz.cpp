// Swarm: bytes become events, in an order no network would give. Whatever peers send, the tables
// must agree, nothing is asked of a connection that has gone, and it can always be stopped.
// fuzz-links: barter::client barter::tracker
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "client/swarm/swarm.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "torrent/bencode.hpp"

using namespace barter;
using fuzz::require;

namespace {

constexpr std::uint32_t piece_length = 64 << 10;
constexpr std::uint32_t pieces = 21;  // the last one short, in bytes and in blocks

std::shared_ptr<const Metainfo> make_metainfo() {
  bencode::Writer info;
  info.begin_dictionary();
  info.key("files").begin_list();
  info.begin_dictionary().key("length").integer(9 * piece_length + 1000);
  info.key("path").begin_list().string("a").end().end();
  info.begin_dictionary().key("attr").string("p").key("length").integer(piece_length - 1000);
  info.key("path").begin_list().string("p").end().end();
  info.begin_dictionary().key("length").integer((pieces - 11) * piece_length + 20'000);
  info.key("path").begin_list().string("b").end().end();
  info.end();
  info.key("name").string("n");
  info.key("piece length").integer(piece_length);
  info.key("pieces").string(std::string(20 * pieces, 'h'));
  info.end();
  auto metainfo = Metainfo::from_info(info.take());
  require(metainfo.has_value(), "the metainfo is valid");
  return *metainfo;
}

// Numbers at and around every border.
std::uint32_t odd_number(fuzz::ByteSource& in) {
  constexpr std::uint32_t numbers[] = {
      0,      1,      pieces - 1, pieces,     pieces + 1, 16'383,     16'384, 16'385,
      32'768, 65'535, 65'536,     0x7fffffff, 1u << 31,   0xffffffff, 20'000, 3'616};
  return numbers[in.below(std::size(numbers))];
}

class Harness {
 public:
  Harness(const std::uint8_t* data, std::size_t size) : in_(data, size), pool_(4096, 8) {
    static const std::shared_ptr<const Metainfo> metainfo = make_metainfo();
    metainfo_ = metainfo;
    auto config = std::make_shared<SwarmConfig>();
    config->max_connections = 6;
    config->max_half_open = 3;
    config->max_known_peers = 12;
    config->usual_requests = config->max_requests = 24;
    config->max_incoming_requests = 12;
    config->open_piece_bytes = in_.below(2) ? 6 * 16'384 : 64 << 20;
    config->max_unsent_bytes = 40'000;
    PeerId own;
    own.bytes.fill(std::byte{7});
    const std::vector<std::vector<std::string>> trackers{{"a", "b"}, {"c"}};
    const std::uint8_t seed = in_.byte();
    magnet_ = in_.below(4) == 0;
    swarm_ = magnet_ ? std::make_unique<Swarm>(metainfo_->info_hash(), config, own, trackers, seed)
                     : std::make_unique<Swarm>(metainfo_, config, own, trackers, seed);
    swarm_->set_listen_port(6881);
  }

  void run() {
    if (!magnet_ && in_.below(4) == 0) {
      Bitfield have(pieces);
      for (std::uint32_t i = 0; i < pieces; ++i)
        if (in_.below(2)) have.set(i);
      swarm_->pieces_checked(have, {}, now_);
      drain();
    }
    swarm_->start(now_);
    drain();
    int steps = 0;
    while (!in_.empty() && ++steps < 3000) {
      step();
      drain();
    }
    swarm_->stop(now_);
    drain();
    for (int i = 0; i < 100'000 && (finish_disk(false) || finish_announce(true)); ++i) drain();
    require(swarm_->stopped(), "a stopped swarm ends");
    links_.clear();
  }

 private:
  struct Connection {
    ConnectionId id;
    bool fast;
    std::vector<BlockRange> sending;
    std::vector<wire::Request> requested;
  };

  void step() {
    now_ += std::chrono::milliseconds(in_.below(4) == 0 ? in_.number(2) : in_.below(8));
    switch (in_.below(16)) {
      case 0:
        return connect();
      case 1:
        return disconnect();
      case 2:
        return finish_send();
      case 3:
        static_cast<void>(finish_disk(true));
        return;
      case 4:
        static_cast<void>(finish_announce(false));
        return;
      case 5:
        return swarm_->time_passed(now_);
      case 6:
        return command();
      case 7:
        return fail_connect();
      case 8:
      case 9:
        return answer_request();
      default:
        return message();
    }
  }

  Endpoint endpoint() {
    const auto n = static_cast<std::uint8_t>(in_.below(8));
    return {in_.below(2) ? Address::v4({9, 9, n, 9}) : Address::v4({127, 0, 0, 1}),
            static_cast<std::uint16_t>(6880 + n)};
  }

  void connect() {
    PeerInfo info;
    info.outgoing = !connecting_.empty() && in_.below(2);
    if (info.outgoing) {
      info.remote = connecting_.back();
      connecting_.pop_back();
    } else {
      info.remote = endpoint();
      static_cast<void>(swarm_->wants_connection(info.remote, now_));
    }
    info.peer_id.bytes.fill(static_cast<std::byte>(in_.below(10)));
    info.fast = in_.below(3) != 0;
    info.extended = in_.below(3) != 0;
    links_.push_back({ConnectionId{next_++}, info.fast, {}, {}});
    swarm_->peer_connected(links_.back().id, info, now_);
  }

  void disconnect() {
    if (links_.empty()) return;
    const std::size_t index = in_.below(links_.size());
    const ConnectionId id = links_[index].id;
    links_.erase(links_.begin() + static_cast<std::ptrdiff_t>(index));
    swarm_->peer_disconnected(id, DisconnectReason::closed_by_peer, now_);
  }

  void fail_connect() {
    if (connecting_.empty()) return;
    const Endpoint endpoint = connecting_.back();
    connecting_.pop_back();
    swarm_->connect_failed(endpoint, static_cast<ConnectFailure>(in_.below(5)), now_);
  }

  void finish_send() {
    if (links_.empty()) return;
    Connection& link = links_[in_.below(links_.size())];
    if (link.sending.empty()) return;
    const std::size_t index = in_.below(link.sending.size());
    const BlockRange range = link.sending[index];
    link.sending.erase(link.sending.begin() + static_cast<std::ptrdiff_t>(index));
    if (in_.below(4) == 0) {
      swarm_->block_not_sent(link.id, range, static_cast<SendFailure>(in_.below(3)), now_);
    } else {
      swarm_->block_sent(link.id, range, now_);
    }
  }

  bool finish_disk(bool random) {
    if (!spilling_.empty() && (!random || in_.below(2))) {
      const BlockRef block = spilling_.back();
      spilling_.pop_back();
      swarm_->block_spilled(block, !random || in_.below(4) != 0, now_);
      return true;
    }
    if (storing_.empty()) return !spilling_.empty();
    StorePiece store = std::move(storing_.back());
    storing_.pop_back();
    StoreOutcome outcome;
    outcome.result = static_cast<StoreResult>(random ? in_.below(4) : 0);
    if (outcome.result == StoreResult::hash_mismatch || store.want_digests)
      for (std::size_t i = 0; i < store.blocks.size(); ++i)
        outcome.block_digests.push_back(in_.below(3));
    const bool disk =
        outcome.result == StoreResult::no_space || outcome.result == StoreResult::io_error;
    if (!disk || in_.below(2)) store.blocks.clear();
    swarm_->piece_stored(store.piece, outcome, now_, std::move(store.blocks));
    return true;
  }

  bool finish_announce(bool plain) {
    if (announcing_.empty()) return false;
    const TrackerId tracker = announcing_.back();
    announcing_.pop_back();
    AnnounceOutcome outcome;
    outcome.ok = plain || in_.below(3) != 0;
    outcome.retryable = in_.below(4) != 0;
    outcome.failure = outcome.ok ? "" : "no";
    if (in_.below(2)) outcome.interval = std::chrono::seconds(in_.number(4));
    if (in_.below(2)) outcome.retry_in = std::chrono::seconds(in_.number(2));
    for (std::uint64_t i = in_.below(4); i > 0; --i) outcome.peers.push_back(endpoint());
    swarm_->announce_finished(tracker, outcome, now_);
    return true;
  }

  // The metainfo of a magnet link, from its peers or from elsewhere.
  void learn_metainfo() {
    magnet_ = false;
    swarm_->metainfo_known(metainfo_, now_);
    drain();
    Bitfield have(pieces);
    if (in_.below(2)) have.set(in_.below(pieces));
    swarm_->pieces_checked(have, {}, now_);
    swarm_->start(now_);
  }

  void command() {
    if (magnet_ && in_.below(3) == 0) return learn_metainfo();
    switch (in_.below(7)) {
      case 0: {
        std::vector<bool> files;
        for (std::size_t i = 0; i < 3; ++i) files.push_back(in_.below(2) != 0);
        return swarm_->select(files, now_);
      }
      case 1: {
        const std::uint64_t limits[] = {0, 1, 16'384, 1 << 20, unlimited};
        return swarm_->set_limits(limits[in_.below(5)], limits[in_.below(5)], now_);
      }
      case 2: {
        const PieceIndex lost[] = {PieceIndex{odd_number(in_)},
                                   PieceIndex{static_cast<std::uint32_t>(in_.below(pieces))}};
        return swarm_->pieces_lost(lost, now_);
      }
      case 3: {
        const Endpoint peers[] = {endpoint(), endpoint()};
        return swarm_->add_peers(static_cast<PeerSource>(in_.below(6)), peers, now_);
      }
      case 4:
        return swarm_->disk_recovered(now_);
      case 5:
        return swarm_->network_changed(now_);
      default: {
        Bitfield have(pieces);
        have.set(in_.below(pieces));
        const BlockRef spilled[] = {{PieceIndex{odd_number(in_)}, odd_number(in_)},
                                    {PieceIndex{static_cast<std::uint32_t>(in_.below(pieces))},
                                     static_cast<std::uint32_t>(in_.below(5))}};
        return swarm_->pieces_checked(have, spilled, now_);
      }
    }
  }

  void receive(Connection& link, wire::Message message) {
    const ConnectionId id = link.id;
    swarm_->messages_received(id, {&message, 1}, now_);
  }

  void send_block(Connection& link, std::uint32_t piece, std::uint32_t begin,
                  std::uint32_t length) {
    wire::Piece block{piece, begin, pool_.take()};
    require(static_cast<bool>(block.block), "buffers come back");
    block.block.set_size(std::min(length, 16'384u));
    receive(link, std::move(block));
  }

  // What an honest peer would do with the oldest request, or nearly.
  void answer_request() {
    if (links_.empty()) return;
    Connection& link = links_[in_.below(links_.size())];
    if (link.requested.empty()) return;
    const wire::Request request = link.requested.front();
    link.requested.erase(link.requested.begin());
    if (in_.below(8) == 0)
      return receive(link, wire::Reject{request.piece, request.begin, request.length});
    send_block(link, request.piece, request.begin, request.length);
  }

  void message() {
    if (links_.empty()) return connect();
    Connection& link = links_[in_.below(links_.size())];
    const auto piece = [&] {
      return in_.below(4) == 0 ? odd_number(in_) : static_cast<std::uint32_t>(in_.below(pieces));
    };
    const auto begin = [&] {
      return in_.below(4) == 0 ? odd_number(in_)
                               : static_cast<std::uint32_t>(in_.below(4) * 16'384);
    };
    const auto length = [&] { return in_.below(4) == 0 ? odd_number(in_) : 16'384u; };
    switch (in_.below(26)) {
      case 0:
        return receive(link, wire::KeepAlive{});
      case 1:
        return receive(link, wire::Choke{});
      case 2:
      case 3:
        return receive(link, wire::Unchoke{});
      case 4:
        return receive(link, wire::Interested{});
      case 5:
        return receive(link, wire::NotInterested{});
      case 6:
      case 7:
        return receive(link, wire::Have{piece()});
      case 8: {
        wire::BitfieldMessage bits;
        bits.bits.resize(in_.below(4) == 0 ? in_.below(6) : 3);
        for (auto& byte : bits.bits) byte = static_cast<std::byte>(in_.byte());
        if (bits.bits.size() == 3 && in_.below(4) != 0) bits.bits[2] &= std::byte{0xf8};
        return receive(link, std::move(bits));
      }
      case 9:
        return receive(link, wire::HaveAll{});
      case 10:
        return receive(link, wire::HaveNone{});
      case 11:
      case 12:
        return receive(link, wire::Request{piece(), begin(), length()});
      case 13:
        return send_block(link, piece(), begin(), length());
      case 14:
        return receive(link, wire::Cancel{piece(), begin(), length()});
      case 15:
        return receive(link, wire::Suggest{piece()});
      case 16:
        return receive(link, wire::AllowedFast{piece()});
      case 17:
        return receive(link, wire::Reject{piece(), begin(), length()});
      case 18: {
        wire::ExtensionHandshake handshake;
        handshake.ut_metadata = in_.byte();
        handshake.lt_donthave = in_.byte();
        handshake.ut_pex = in_.byte();
        if (in_.below(2)) handshake.reqq = odd_number(in_);
        if (in_.below(2)) handshake.listen_port = static_cast<std::uint16_t>(6880 + in_.below(8));
        if (in_.below(2)) handshake.upload_only = in_.below(2) != 0;
        const auto size = static_cast<std::int64_t>(metainfo_->info_bytes().size());
        if (in_.below(2)) handshake.metadata_size = in_.below(4) == 0 ? odd_number(in_) : size;
        handshake.client = std::string(in_.bytes(in_.below(100)));
        if (in_.below(2)) handshake.your_ip = endpoint().address;
        return receive(link, std::move(handshake));
      }
      case 19:
        return receive(link, wire::MetadataRequest{odd_number(in_), 0});
      case 20:
        return receive(link, wire::DontHave{piece(), 0});
      case 21:
        return receive(link, wire::MetadataReject{odd_number(in_), 0});
      case 22:
      case 23:
        return receive(link, metadata());
      case 24: {
        wire::PeerExchange exchange;
        for (std::uint64_t i = in_.below(6); i > 0; --i)
          exchange.added.push_back({endpoint(), in_.below(2) != 0, in_.below(2) != 0});
        for (std::uint64_t i = in_.below(3); i > 0; --i) exchange.dropped.push_back(endpoint());
        return receive(link, std::move(exchange));
      }
      default:
        return receive(link, wire::Port{1});
    }
  }

  // The one piece that there is, right or wrong.
  wire::MetadataData metadata() {
    wire::MetadataData out;
    out.data = std::string(metainfo_->info_bytes());
    out.total_size = in_.below(4) == 0 ? odd_number(in_) : out.data.size();
    if (in_.below(4) == 0) out.data[in_.below(out.data.size())] = 'x';
    if (in_.below(8) == 0) out.data.resize(in_.below(out.data.size()));
    if (in_.below(8) == 0) out.piece = odd_number(in_);
    return out;
  }

  Connection* find(ConnectionId id) {
    for (Connection& link : links_)
      if (link.id == id) return &link;
    return nullptr;
  }

  void drain() {
    std::vector<Action> actions;
    swarm_->take_actions(actions);
    for (Action& action : actions) perform(action);
    const std::string broken = swarm_->broken_invariant();
    require(broken.empty(), broken.c_str());
    const Progress progress = swarm_->progress(now_);
    require(progress.verified_bytes <= progress.received_bytes, "what is verified was received");
    require(progress.received_bytes <= progress.wanted_bytes, "no more comes than is wanted");
    static_cast<void>(swarm_->stall_reason(now_));
    require(pool_.in_use() < 2000, "memory is bounded");
  }

  void perform(Action& action) {
    if (auto* connect = std::get_if<Connect>(&action)) {
      connecting_.push_back(connect->endpoint);
    } else if (auto* close = std::get_if<Disconnect>(&action)) {
      require(find(close->connection) != nullptr, "a link is closed once");
      std::erase_if(links_, [&](const Connection& link) { return link.id == close->connection; });
    } else if (auto* send = std::get_if<Send>(&action)) {
      Connection* link = find(send->connection);
      require(link != nullptr, "nothing is sent to a link that has gone");
      if (auto* request = std::get_if<wire::Request>(&send->message)) {
        require(!swarm_->have().test(request->piece), "nobody asks for what it has");
        link->requested.push_back(*request);
      }
      require(link->fast || !std::holds_alternative<wire::Reject>(send->message),
              "no reject without Fast");
    } else if (auto* have = std::get_if<SendHave>(&action)) {
      for (const ConnectionId id : have->connections)
        require(find(id) != nullptr, "no have to a link that has gone");
    } else if (auto* block = std::get_if<SendBlock>(&action)) {
      Connection* link = find(block->connection);
      require(link != nullptr, "no block to a link that has gone");
      link->sending.push_back(block->range);
    } else if (auto* cancel = std::get_if<CancelBlock>(&action)) {
      require(find(cancel->connection) != nullptr, "no cancel to a link that has gone");
    } else if (auto* store = std::get_if<StorePiece>(&action)) {
      storing_.push_back(std::move(*store));
    } else if (auto* spill = std::get_if<SpillBlock>(&action)) {
      spilling_.push_back(spill->block);
    } else if (auto* announce = std::get_if<Announce>(&action)) {
      announcing_.push_back(announce->tracker);
    }
  }

  fuzz::ByteSource in_;
  BlockPool pool_;
  bool magnet_ = false;  // the swarm knows no metainfo yet
  std::shared_ptr<const Metainfo> metainfo_;
  std::unique_ptr<Swarm> swarm_;
  TimePoint now_{std::chrono::hours(1)};
  std::uint32_t next_ = 1;
  std::vector<Connection> links_;
  std::vector<Endpoint> connecting_;
  std::vector<StorePiece> storing_;
  std::vector<BlockRef> spilling_;
  std::vector<TrackerId> announcing_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  Harness(data, size).run();
  return 0;
}
