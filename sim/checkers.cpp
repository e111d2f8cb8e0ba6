#include "sim/checkers.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "sim/mix.hpp"
#include "torrent/overloaded.hpp"

namespace barter::sim {

namespace {
// Knows something of each end of a link, by node and connection. A node numbers its connections
// from 0 on and uses no number twice.
template <class End>
class KnowsEnds : public Checker {
 public:
  using Checker::Checker;
  void linked(const Node& node, std::uint32_t connection) override {
    if (all_.size() <= node.number) all_.resize(node.number + 1);
    auto& ends = all_[node.number];
    if (ends.size() <= connection) ends.resize(connection + 1);
    ends[connection] = std::make_unique<End>();
  }
  void unlinked(const Node& node, std::uint32_t connection) override {
    if (find(node, connection) != nullptr) all_[node.number][connection].reset();
  }

 protected:
  // Null where the other end has closed it and the news is under way.
  End* find(const Node& node, std::uint32_t connection) {
    if (node.number >= all_.size() || connection >= all_[node.number].size()) return nullptr;
    return all_[node.number][connection].get();
  }

 private:
  std::vector<std::vector<std::unique_ptr<End>>> all_;
};

using Block = std::array<std::uint32_t, 3>;  // piece, begin, length
struct BlockHash {
  std::size_t operator()(const Block& block) const {
    return mix(std::uint64_t{block[0]} << 32 | (block[1] ^ block[2]));
  }
};

struct Asking {
  Bitfield peer_has;
  std::vector<std::uint32_t> granted;
  bool choked = true;
  std::unordered_set<Block, BlockHash> asked;  // unanswered
};

// Nobody asks for what it has, for what the peer does not have, twice, of more than two, or while
// choked without a grant.
class SoundRequests final : public KnowsEnds<Asking> {
 public:
  using KnowsEnds::KnowsEnds;
  std::string_view name() const override { return "sound requests"; }
  void linked(const Node& node, std::uint32_t connection) override {
    KnowsEnds::linked(node, connection);
    find(node, connection)->peer_has = Bitfield(world().layout().piece_count());
    if (holders_.size() <= node.number) holders_.resize(node.number + 1);
  }
  void unlinked(const Node& node, std::uint32_t connection) override {
    if (Asking* end = find(node, connection)) forget_all(node, *end);
    KnowsEnds::unlinked(node, connection);
  }
  void sent(const Node& node, std::uint32_t connection, const wire::Message& message) override {
    Asking* end = find(node, connection);
    if (end == nullptr) return;
    if (const auto* request = std::get_if<wire::Request>(&message)) check(node, *end, *request);
    if (const auto* cancel = std::get_if<wire::Cancel>(&message))
      forget(node, *end, {cancel->piece, cancel->begin, cancel->length});
  }
  void delivered(const Node& node, std::uint32_t connection,
                 const wire::Message& message) override {
    if (Asking* end = find(node, connection)) hear(node, *end, message);
  }

 private:
  void check(const Node& node, Asking& end, const wire::Request& request);
  void hear(const Node& node, Asking& end, const wire::Message& message);
  void forget(const Node& node, Asking& end, const Block& block) {
    if (end.asked.erase(block) > 0) release(node, block);
  }
  void forget_all(const Node& node, Asking& end) {
    for (const Block& block : end.asked) release(node, block);
    end.asked.clear();
  }
  void release(const Node& node, const Block& block) {
    const auto held = holders_[node.number].find(block);
    if (--held->second == 0) holders_[node.number].erase(held);
  }

  // By node: of how many peers it asks for a block.
  std::vector<std::unordered_map<Block, int, BlockHash>> holders_;
};

void SoundRequests::check(const Node& node, Asking& end, const wire::Request& request) {
  const Block block{request.piece, request.begin, request.length};
  if (node.swarm->have().test(request.piece)) fail(node, "asks for a piece that it has");
  if (!end.peer_has.test(request.piece)) fail(node, "asks for a piece the peer has not");
  if (end.choked &&
      std::find(end.granted.begin(), end.granted.end(), request.piece) == end.granted.end())
    fail(node, "asks while choked");
  if (world().layout().is_pad({PieceIndex{request.piece}, request.begin / block_length}))
    fail(node, "asks for pads");
  if (!end.asked.insert(block).second) fail(node, "asks twice for a block");
  if (end.asked.size() > node.config->max_requests) fail(node, "too many requests");
  if (++holders_[node.number][block] > 2) fail(node, "a block has more than two holders");
}

void SoundRequests::hear(const Node& node, Asking& end, const wire::Message& message) {
  const std::uint32_t pieces = world().layout().piece_count();
  std::visit(Overloaded{
                 [&](const wire::Choke&) {
                   end.choked = true;
                   if (!world().options().fast) forget_all(node, end);
                 },
                 [&](const wire::Unchoke&) { end.choked = false; },
                 [&](const wire::Have& have) { end.peer_has.set(have.piece); },
                 [&](const wire::DontHave& lost) { end.peer_has.clear(lost.piece); },
                 [&](const wire::HaveAll&) { end.peer_has = Bitfield(pieces, true); },
                 [&](const wire::BitfieldMessage& bits) {
                   if (auto field = Bitfield::from_wire(bits.bits, pieces))
                     end.peer_has = std::move(*field);
                 },
                 [&](const wire::AllowedFast& grant) { end.granted.push_back(grant.piece); },
                 [&](const wire::Piece& piece) {
                   forget(node, end, {piece.piece, piece.begin, piece.block.size()});
                 },
                 [&](const wire::Reject& reject) {
                   forget(node, end, {reject.piece, reject.begin, reject.length});
                 },
                 [&](const auto&) {},
             },
             message);
}

struct Serving {
  std::vector<std::uint32_t> granted;
  bool choking = true;
};

// Nothing is sent to a choked peer but what it was granted, and only what was verified.
class ServesTheUnchoked final : public KnowsEnds<Serving> {
 public:
  using KnowsEnds::KnowsEnds;
  std::string_view name() const override { return "serves the unchoked"; }
  void sent(const Node& node, std::uint32_t connection, const wire::Message& message) override {
    Serving* end = find(node, connection);
    if (end == nullptr) return;
    if (std::holds_alternative<wire::Choke>(message)) end->choking = true;
    if (std::holds_alternative<wire::Unchoke>(message)) end->choking = false;
    if (const auto* grant = std::get_if<wire::AllowedFast>(&message))
      end->granted.push_back(grant->piece);
  }
  void block_given(const Node& node, std::uint32_t connection, const BlockRange& range) override {
    const Serving* end = find(node, connection);
    if (end == nullptr) return;
    const std::uint32_t piece = to_number(range.piece);
    if (!node.stored.test(piece)) fail(node, "serves a piece that is not stored");
    if (end->choking &&
        std::find(end->granted.begin(), end->granted.end(), piece) == end->granted.end())
      fail(node, "serves a choked peer");
  }
};

// Only liars are banned.
class BansLiarsOnly final : public Checker {
 public:
  using Checker::Checker;
  std::string_view name() const override { return "bans liars only"; }
  void banned(const Node& node, const Endpoint& endpoint) override {
    for (const auto& other : world().nodes())
      if (other->options.honest && other->endpoint == endpoint)
        fail(node, "an honest peer is banned");
    for (std::uint32_t connection = 0; connection < node.ends.size(); ++connection)
      if (const Node* far = world().far_end(node, connection);
          far != nullptr && world().remote_of(node, connection) == endpoint && far->options.honest)
        fail(node, "an honest peer is banned");
  }
};

// A check that costs as much as many events: made after each so many of a node's events, and at the
// end. What it finds wrong stays wrong.
class WalkNowAndThen : public Checker {
 public:
  WalkNowAndThen(const World& world, std::uint32_t every) : Checker(world), every_(every) {}
  void settled(const Node& node) final {
    if (events_.size() <= node.number) events_.resize(node.number + 1);
    if (++events_[node.number] % every_ == 0) walk(node);
  }
  void finished() override {
    for (const auto& node : world().nodes())
      if (node->swarm != nullptr) walk(*node);
  }

 private:
  virtual void walk(const Node& node) const = 0;

  std::uint32_t every_;
  std::vector<std::uint32_t> events_;  // by node
};

// Bytes received = bytes kept + bytes wasted, and nobody received what nobody sent.
class BytesAddUp final : public WalkNowAndThen {
 public:
  explicit BytesAddUp(const World& world) : WalkNowAndThen(world, 16) {}
  std::string_view name() const override { return "bytes add up"; }
  void finished() override {
    WalkNowAndThen::finished();
    std::uint64_t sent = 0, received = 0;
    for (const auto& node : world().nodes()) {
      sent += world().network().line(node->number).sums.blocks;
      received += node->payload_in;
    }
    if (received > sent)
      fail(*world().nodes().front(), fmt::format("{} bytes sent, {} received", sent, received));
  }

 private:
  void walk(const Node& node) const override {
    const Progress progress = node.swarm->progress(world().instant());
    if (progress.downloaded != node.payload_in)
      fail(node, fmt::format("{} bytes arrived, {} counted", node.payload_in, progress.downloaded));
    if (node.options.seed) return;
    if (progress.received_bytes - node.had_bytes + progress.wasted != progress.downloaded)
      fail(node, fmt::format("{} kept and {} wasted of {} received",
                             progress.received_bytes - node.had_bytes, progress.wasted,
                             progress.downloaded));
  }
};

// The Swarm's tables agree: the picker's counts are the sum of the bitfields, queues and memory are
// within their limits.
class TablesAgree final : public WalkNowAndThen {
 public:
  explicit TablesAgree(const World& world) : WalkNowAndThen(world, 64) {}
  std::string_view name() const override { return "tables agree"; }
  void linked(const Node& node, std::uint32_t) override {
    if (node.links > node.config->max_connections + 1) fail(node, "too many links");
  }

 private:
  void walk(const Node& node) const override {
    const std::string broken = node.swarm->broken_invariant();
    if (!broken.empty()) fail(node, broken);
  }
};

// Who says that it is complete has stored it all.
class CompleteMeansAll final : public Checker {
 public:
  using Checker::Checker;
  std::string_view name() const override { return "complete means all"; }
  void finished() override {
    for (const auto& node : world().nodes())
      if (node->finished_at && !node->stored.all())
        fail(*node, "says it is complete, and lacks a piece");
  }
};
}  // namespace

void Checker::fail(const Node& node, const std::string& what) const {
  throw Violation(fmt::format(
      "{}: node {} at {:.3f} s: {}", name(), node.number,
      std::chrono::duration<double>(world_->instant() - world_->began()).count(), what));
}

Checkers::Checkers(const World& world) {
  all_.push_back(std::make_unique<SoundRequests>(world));
  all_.push_back(std::make_unique<ServesTheUnchoked>(world));
  all_.push_back(std::make_unique<BansLiarsOnly>(world));
  all_.push_back(std::make_unique<BytesAddUp>(world));
  all_.push_back(std::make_unique<TablesAgree>(world));
  all_.push_back(std::make_unique<CompleteMeansAll>(world));
}

void Checkers::linked(const Node& node, std::uint32_t connection) {
  for (const auto& one : all_) one->linked(node, connection);
}
void Checkers::unlinked(const Node& node, std::uint32_t connection) {
  for (const auto& one : all_) one->unlinked(node, connection);
}
void Checkers::sent(const Node& node, std::uint32_t connection, const wire::Message& message) {
  for (const auto& one : all_) one->sent(node, connection, message);
}
void Checkers::delivered(const Node& node, std::uint32_t connection, const wire::Message& message) {
  for (const auto& one : all_) one->delivered(node, connection, message);
}
void Checkers::block_given(const Node& node, std::uint32_t connection, const BlockRange& range) {
  for (const auto& one : all_) one->block_given(node, connection, range);
}
void Checkers::banned(const Node& node, const Endpoint& endpoint) {
  for (const auto& one : all_) one->banned(node, endpoint);
}
void Checkers::settled(const Node& node) {
  for (const auto& one : all_) one->settled(node);
}
void Checkers::finished() {
  for (const auto& one : all_) one->finished();
}

}  // namespace barter::sim
