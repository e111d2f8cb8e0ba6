#include "client/sim/checkers.hpp"

#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

namespace barter::sim {

namespace {
template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

// Something that is known of each end of a link, by node and connection.
template <class View>
class Views {
 public:
  void add(const Node& node, std::uint32_t connection) { all_[{node.number, connection}] = {}; }
  void remove(const Node& node, std::uint32_t connection) { all_.erase({node.number, connection}); }
  // Null where the other end has closed it and the news is under way.
  View* find(const Node& node, std::uint32_t connection) {
    const auto found = all_.find({node.number, connection});
    return found == all_.end() ? nullptr : &found->second;
  }
  template <class Visit>
  void of_node(const Node& node, Visit visit) const {
    for (auto it = all_.lower_bound({node.number, 0});
         it != all_.end() && it->first.first == node.number; ++it)
      visit(it->second);
  }

 private:
  std::map<std::pair<std::uint32_t, std::uint32_t>, View> all_;
};

using Block = std::array<std::uint32_t, 3>;  // piece, begin, length

// Nobody asks for what it has, for what the peer does not have, twice, of more than two, or while
// choked without a grant.
class SoundRequests final : public Checker {
 public:
  using Checker::Checker;
  std::string_view name() const override { return "sound requests"; }
  void linked(const Node& node, std::uint32_t connection) override { ends_.add(node, connection); }
  void unlinked(const Node& node, std::uint32_t connection) override {
    ends_.remove(node, connection);
  }
  void sent(const Node& node, std::uint32_t connection, const wire::Message& message) override {
    End* end = ends_.find(node, connection);
    if (end == nullptr) return;
    if (const auto* request = std::get_if<wire::Request>(&message)) check(node, *end, *request);
    if (const auto* cancel = std::get_if<wire::Cancel>(&message))
      end->asked.erase({cancel->piece, cancel->begin, cancel->length});
  }
  void delivered(const Node& node, std::uint32_t connection,
                 const wire::Message& message) override {
    if (End* end = ends_.find(node, connection)) hear(*end, message);
  }

 private:
  struct End {
    std::set<std::uint32_t> peer_has, granted;
    bool choked = true;
    std::map<Block, int> asked;  // unanswered
  };
  void check(const Node& node, End& end, const wire::Request& request);
  void hear(End& end, const wire::Message& message) const;
  Views<End> ends_;
};

void SoundRequests::check(const Node& node, End& end, const wire::Request& request) {
  const Block block{request.piece, request.begin, request.length};
  if (node.swarm->have().test(request.piece)) fail(node, "asks for a piece that it has");
  if (!end.peer_has.contains(request.piece)) fail(node, "asks for a piece the peer has not");
  if (end.choked && !end.granted.contains(request.piece)) fail(node, "asks while choked");
  if (world().layout().is_pad({PieceIndex{request.piece}, request.begin / block_length}))
    fail(node, "asks for pads");
  if (++end.asked[block] > 1) fail(node, "asks twice for a block");
  if (end.asked.size() > node.config->max_requests) fail(node, "too many requests");
  int holders = 0;
  ends_.of_node(node, [&](const End& one) { holders += one.asked.contains(block) ? 1 : 0; });
  if (holders > 2) fail(node, "a block has more than two holders");
}

void SoundRequests::hear(End& end, const wire::Message& message) const {
  const std::uint32_t pieces = world().layout().piece_count();
  std::visit(Overloaded{
                 [&](const wire::Choke&) {
                   end.choked = true;
                   if (!world().options().fast) end.asked.clear();
                 },
                 [&](const wire::Unchoke&) { end.choked = false; },
                 [&](const wire::Have& have) { end.peer_has.insert(have.piece); },
                 [&](const wire::DontHave& lost) { end.peer_has.erase(lost.piece); },
                 [&](const wire::HaveAll&) {
                   for (std::uint32_t i = 0; i < pieces; ++i) end.peer_has.insert(i);
                 },
                 [&](const wire::BitfieldMessage& bits) {
                   const auto field = Bitfield::from_wire(bits.bits, pieces);
                   for (std::uint32_t i = 0; field && i < pieces; ++i)
                     if (field->test(i)) end.peer_has.insert(i);
                 },
                 [&](const wire::AllowedFast& grant) { end.granted.insert(grant.piece); },
                 [&](const wire::Piece& piece) {
                   end.asked.erase({piece.piece, piece.begin, piece.block.size()});
                 },
                 [&](const wire::Reject& reject) {
                   end.asked.erase({reject.piece, reject.begin, reject.length});
                 },
                 [&](const auto&) {},
             },
             message);
}

// Nothing is sent to a choked peer but what it was granted, and only what was verified.
class ServesTheUnchoked final : public Checker {
 public:
  using Checker::Checker;
  std::string_view name() const override { return "serves the unchoked"; }
  void linked(const Node& node, std::uint32_t connection) override { ends_.add(node, connection); }
  void unlinked(const Node& node, std::uint32_t connection) override {
    ends_.remove(node, connection);
  }
  void sent(const Node& node, std::uint32_t connection, const wire::Message& message) override {
    End* end = ends_.find(node, connection);
    if (end == nullptr) return;
    if (std::holds_alternative<wire::Choke>(message)) end->choking = true;
    if (std::holds_alternative<wire::Unchoke>(message)) end->choking = false;
    if (const auto* grant = std::get_if<wire::AllowedFast>(&message))
      end->granted.insert(grant->piece);
  }
  void block_given(const Node& node, std::uint32_t connection, const BlockRange& range) override {
    const End* end = ends_.find(node, connection);
    if (end == nullptr) return;
    const std::uint32_t piece = to_number(range.piece);
    if (!node.stored.test(piece)) fail(node, "serves a piece that is not stored");
    if (end->choking && !end->granted.contains(piece)) fail(node, "serves a choked peer");
  }

 private:
  struct End {
    std::set<std::uint32_t> granted;
    bool choking = true;
  };
  Views<End> ends_;
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

// Bytes received = bytes kept + bytes wasted, and nobody received what nobody sent.
class BytesAddUp final : public Checker {
 public:
  using Checker::Checker;
  std::string_view name() const override { return "bytes add up"; }
  void settled(const Node& node) override {
    const Progress progress = node.swarm->progress(world().instant());
    if (progress.downloaded != node.payload_in)
      fail(node, fmt::format("{} bytes arrived, {} counted", node.payload_in, progress.downloaded));
    if (node.options.seed) return;
    if (progress.received_bytes - node.had_bytes + progress.wasted != progress.downloaded)
      fail(node, fmt::format("{} kept and {} wasted of {} received",
                             progress.received_bytes - node.had_bytes, progress.wasted,
                             progress.downloaded));
  }
  void finished() override {
    std::uint64_t sent = 0, received = 0;
    for (const auto& node : world().nodes()) {
      sent += world().network().line(node->number).sums.blocks;
      received += node->payload_in;
    }
    if (received > sent)
      fail(*world().nodes().front(), fmt::format("{} bytes sent, {} received", sent, received));
  }
};

// The Swarm's tables agree: the picker's counts are the sum of the bitfields, queues and memory are
// within their limits. Walked now and then: each walk costs as much as hundreds of events.
class TablesAgree final : public Checker {
 public:
  using Checker::Checker;
  std::string_view name() const override { return "tables agree"; }
  void linked(const Node& node, std::uint32_t) override {
    if (node.links > node.config->max_connections + 1) fail(node, "too many links");
  }
  void settled(const Node& node) override {
    if (++events_[node.number] % 64 == 0) walk(node);
  }
  void finished() override {
    for (const auto& node : world().nodes())
      if (node->swarm != nullptr) walk(*node);
  }

 private:
  void walk(const Node& node) const {
    const std::string broken = node.swarm->broken_invariant();
    if (!broken.empty()) fail(node, broken);
  }
  std::map<std::uint32_t, std::uint64_t> events_;
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
