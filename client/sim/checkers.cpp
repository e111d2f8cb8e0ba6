#include "client/sim/checkers.hpp"

#include <fmt/format.h>

namespace barter::sim {

namespace {
template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;
}  // namespace

void Checkers::fail(const Node& node, const std::string& what) const {
  throw Violation(fmt::format(
      "node {} at {:.3f} s: {}", node.number,
      std::chrono::duration<double>(world_->instant().time_since_epoch()).count(), what));
}

void Checkers::linked(const Node& node, std::uint32_t connection) {
  ends_[{node.number, connection}] = {};
  if (node.links > node.config->max_connections + 1) fail(node, "too many links");
}

void Checkers::unlinked(const Node& node, std::uint32_t connection) {
  ends_.erase({node.number, connection});
}

// Nobody asks for what it has, for what the peer does not have, twice, or while choked without a
// grant.
void Checkers::check_request(const Node& node, EndView& view, const wire::Request& request) {
  const PieceIndex piece{request.piece};
  if (node.swarm->have().test(request.piece)) fail(node, "asks for a piece that it has");
  if (!view.peer_has.contains(request.piece)) fail(node, "asks for a piece the peer has not");
  if (view.peer_choking && !view.granted_us.contains(request.piece))
    fail(node, "asks while choked");
  if (world_->layout().is_pad({piece, request.begin / block_length})) fail(node, "asks for pads");
  if (++view.requested[{request.piece, request.begin, request.length}] > 1)
    fail(node, "asks twice for a block");
  if (view.requested.size() > node.config->max_requests) fail(node, "too many requests");
  int holders = 0;
  for (auto other = ends_.lower_bound({node.number, 0});
       other != ends_.end() && other->first.first == node.number; ++other)
    holders += static_cast<int>(
        other->second.requested.contains({request.piece, request.begin, request.length}));
  if (holders > 2) fail(node, "a block has more than two holders");
}

void Checkers::sent(const Node& node, std::uint32_t connection, const wire::Message& message) {
  const auto end = ends_.find({node.number, connection});
  if (end == ends_.end()) return;  // the other end has closed it, and the news is under way
  EndView& view = end->second;
  std::visit(Overloaded{
                 [&](const wire::Request& request) { check_request(node, view, request); },
                 [&](const wire::Cancel& cancel) {
                   view.requested.erase({cancel.piece, cancel.begin, cancel.length});
                 },
                 [&](const wire::Choke&) { view.am_choking = true; },
                 [&](const wire::Unchoke&) { view.am_choking = false; },
                 [&](const wire::AllowedFast& grant) { view.granted_it.insert(grant.piece); },
                 [&](const auto&) {},
             },
             message);
}

void Checkers::delivered(const Node& node, std::uint32_t connection, const wire::Message& message) {
  const auto end = ends_.find({node.number, connection});
  if (end == ends_.end()) return;
  EndView& view = end->second;
  const std::uint32_t pieces = world_->layout().piece_count();
  std::visit(Overloaded{
                 [&](const wire::Choke&) {
                   view.peer_choking = true;
                   if (!world_->options().fast) view.requested.clear();
                 },
                 [&](const wire::Unchoke&) { view.peer_choking = false; },
                 [&](const wire::Have& have) { view.peer_has.insert(have.piece); },
                 [&](const wire::DontHave& lost) { view.peer_has.erase(lost.piece); },
                 [&](const wire::HaveAll&) {
                   for (std::uint32_t i = 0; i < pieces; ++i) view.peer_has.insert(i);
                 },
                 [&](const wire::BitfieldMessage& bits) {
                   const auto field = Bitfield::from_wire(bits.bits, pieces);
                   for (std::uint32_t i = 0; field && i < pieces; ++i)
                     if (field->test(i)) view.peer_has.insert(i);
                 },
                 [&](const wire::AllowedFast& grant) { view.granted_us.insert(grant.piece); },
                 [&](const wire::Piece& piece) {
                   view.requested.erase({piece.piece, piece.begin, piece.block.size()});
                 },
                 [&](const wire::Reject& reject) {
                   view.requested.erase({reject.piece, reject.begin, reject.length});
                 },
                 [&](const auto&) {},
             },
             message);
}

// Nothing is sent to a choked peer but what it was granted, and only what was verified.
void Checkers::block_given(const Node& node, std::uint32_t connection, const BlockRange& range) {
  const auto end = ends_.find({node.number, connection});
  if (end == ends_.end()) return;
  const EndView& view = end->second;
  const std::uint32_t piece = to_number(range.piece);
  if (!node.stored.test(piece)) fail(node, "serves a piece that is not stored");
  if (view.am_choking && !view.granted_it.contains(piece)) fail(node, "serves a choked peer");
}

// Only liars are banned.
void Checkers::banned(const Node& node, const Endpoint& endpoint) {
  for (const auto& other : world_->nodes())
    if (other->options.honest && other->endpoint == endpoint)
      fail(node, "an honest peer is banned");
  for (std::uint32_t connection = 0; connection < node.ends.size(); ++connection)
    if (const Node* far = world_->far_end(node, connection);
        far != nullptr && world_->remote_of(node, connection) == endpoint && far->options.honest)
      fail(node, "an honest peer is banned");
}

// Bytes received = bytes kept + bytes wasted.
void Checkers::check_bytes(const Node& node) const {
  const Progress progress = node.swarm->progress(world_->instant());
  if (progress.downloaded != node.payload_in)
    fail(node, fmt::format("{} bytes arrived, {} counted", node.payload_in, progress.downloaded));
  if (node.options.seed) return;
  if (progress.received_bytes - node.had_bytes + progress.wasted != progress.downloaded)
    fail(node, fmt::format("{} kept and {} wasted of {} received", progress.received_bytes,
                           progress.wasted, progress.downloaded));
}

void Checkers::settled(const Node& node) {
  check_bytes(node);
  // The tables are walked now and then: each walk costs as much as hundreds of events.
  if (++settle_count_[node.number] % 64 != 0) return;
  const std::string broken = node.swarm->broken_invariant();
  if (!broken.empty()) fail(node, broken);
}

void Checkers::finished() {
  for (const auto& node : world_->nodes()) {
    if (node->swarm == nullptr) continue;
    const std::string broken = node->swarm->broken_invariant();
    if (!broken.empty()) fail(*node, broken);
    if (!node->finished_at) continue;
    if (!node->stored.all()) fail(*node, "says it is complete, and lacks a piece");
  }
}

}  // namespace barter::sim
