#include "client/net/trace.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <variant>

#include "torrent/escape.hpp"
#include "torrent/overloaded.hpp"
#include "torrent/write_file.hpp"

namespace barter::net {

namespace {

double seconds(TimePoint time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

std::string blocks(std::string_view name, std::uint32_t piece, std::uint32_t begin,
                   std::uint32_t length) {
  return fmt::format("{} {}:{}+{}", name, piece, begin, length);
}

std::string block(std::string_view name, ConnectionId connection, BlockRange range) {
  return fmt::format("{} c{} {}:{}+{}", name, static_cast<std::uint32_t>(connection),
                     to_number(range.piece), range.begin, range.length);
}

std::string describe(const Notice& notice) {
  return std::visit(
      Overloaded{
          [](const PieceVerified& n) { return fmt::format("verified {}", to_number(n.piece)); },
          [](const WantedComplete&) { return std::string("wanted complete"); },
          [](const PeerBanned& n) {
            return fmt::format("banned {} ({})", to_string(n.endpoint), escape(n.reason));
          },
          [](const PieceFailed& n) { return fmt::format("failed {}", to_number(n.piece)); },
          [](const DiskTrouble& n) { return "disk trouble: " + escape(n.message); },
          [](const DiskRecovered&) { return std::string("disk recovered"); },
          [](const WriteRefused& n) { return "write refused: " + escape(n.message); },
          [](const TrackerMessage& n) {
            return fmt::format("tracker {} says {}", static_cast<unsigned>(n.tracker),
                               escape(n.message));
          },
          [](const PeerLeft& n) {
            return fmt::format("left {} ({}), {} down, {} up", to_string(n.peer.remote),
                               to_string(n.reason), n.peer.downloaded, n.peer.uploaded);
          },
          [](const MetadataComplete& n) {
            return "metadata complete" + (n.error ? ": " + escape(n.error->message) : "");
          },
          [](const FirstPeer& n) {
            return fmt::format("first peer {} ({})", to_string(n.endpoint), to_string(n.source));
          }},
      notice);
}

}  // namespace

std::string describe(const wire::Message& message) {
  using namespace wire;
  return std::visit(
      Overloaded{
          [](const KeepAlive&) { return std::string("keep_alive"); },
          [](const Choke&) { return std::string("choke"); },
          [](const Unchoke&) { return std::string("unchoke"); },
          [](const Interested&) { return std::string("interested"); },
          [](const NotInterested&) { return std::string("not_interested"); },
          [](const Have& m) { return fmt::format("have {}", m.piece); },
          [](const BitfieldMessage& m) { return fmt::format("bitfield {}B", m.bits.size()); },
          [](const Request& m) { return blocks("request", m.piece, m.begin, m.length); },
          [](const Piece& m) { return blocks("piece", m.piece, m.begin, m.block.size()); },
          [](const Cancel& m) { return blocks("cancel", m.piece, m.begin, m.length); },
          [](const Port& m) { return fmt::format("port {}", m.port); },
          [](const Suggest& m) { return fmt::format("suggest {}", m.piece); },
          [](const HaveAll&) { return std::string("have_all"); },
          [](const HaveNone&) { return std::string("have_none"); },
          [](const Reject& m) { return blocks("reject", m.piece, m.begin, m.length); },
          [](const AllowedFast& m) { return fmt::format("allowed_fast {}", m.piece); },
          [](const ExtensionHandshake& m) {
            return fmt::format("extension_handshake '{}'", escape(m.client));
          },
          [](const MetadataRequest& m) { return fmt::format("metadata_request {}", m.piece); },
          [](const MetadataData& m) {
            return fmt::format("metadata_data {} {}B", m.piece, m.data.size());
          },
          [](const MetadataReject& m) { return fmt::format("metadata_reject {}", m.piece); },
          [](const DontHave& m) { return fmt::format("dont_have {}", m.piece); },
          [](const PeerExchange& m) {
            return fmt::format("peer_exchange +{} -{}", m.added.size(), m.dropped.size());
          },
          [](const Unknown& m) { return fmt::format("unknown {}", m.id); }},
      message);
}

std::string describe(std::span<const wire::Message> messages) {
  std::string out;
  for (const auto& message : messages) {
    if (!out.empty()) out += ", ";
    out += describe(message);
  }
  return out;
}

std::string describe(const Action& action) {
  const auto number = [](ConnectionId id) { return static_cast<std::uint32_t>(id); };
  return std::visit(
      Overloaded{
          [](const Connect& a) { return "connect " + to_string(a.endpoint); },
          [&](const Disconnect& a) {
            return fmt::format("disconnect c{} {} {}", number(a.connection), to_string(a.reason),
                               escape(a.detail));
          },
          [&](const Send& a) {
            return fmt::format("send c{} {}", number(a.connection), describe(a.message));
          },
          [](const SendHave& a) {
            return fmt::format("send_have {} to {}", to_number(a.piece), a.connections.size());
          },
          [](const SendBlock& a) { return block("send_block", a.connection, a.range); },
          [](const CancelBlock& a) { return block("cancel_block", a.connection, a.range); },
          [](const StorePiece& a) { return fmt::format("store_piece {}", to_number(a.piece)); },
          [](const SpillBlock& a) {
            return fmt::format("spill_block {}:{}", to_number(a.block.piece), a.block.block);
          },
          [](const DropSpilled& a) { return fmt::format("drop_spilled {}", to_number(a.piece)); },
          [](const Announce& a) {
            return fmt::format("announce t{} event {} up {} down {} left {} want {}",
                               static_cast<unsigned>(a.tracker), static_cast<unsigned>(a.event),
                               a.uploaded, a.downloaded, a.left, a.peers_wanted);
          },
          [](const NodeHeard& a) { return fmt::format("node_heard {}", to_string(a.node)); },
          [](const FindPeers& a) { return std::string(a.wanted ? "find_peers" : "find_no_peers"); },
          [](const Notify& a) { return "notify " + describe(a.notice); }},
      action);
}

Result<std::unique_ptr<Trace>> Trace::open(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) {
    return system_error("cannot write the trace " + escape(path), errno);
  }
  return std::unique_ptr<Trace>(new Trace(file, path));
}

Trace::~Trace() {
  std::fclose(file_);
}

Result<void> Trace::flush() {
  const std::lock_guard lock(mutex_);
  if (std::fflush(file_) != 0 && failed_with_ == 0) failed_with_ = errno;
  if (failed_with_ == 0) return {};
  return system_error("cannot write the trace " + escape(path_), failed_with_);
}

// Not fmt::print, which throws on a full disk: a trace is no reason to end.
void Trace::write(std::string_view line) {
  if (std::fwrite(line.data(), 1, line.size(), file_) < line.size() && failed_with_ == 0) {
    failed_with_ = errno;
  }
}

void Trace::event(std::string_view torrent, TimePoint now, std::string_view text) {
  const std::lock_guard lock(mutex_);
  write(fmt::format("{:.6f} {} {}\n", seconds(now), torrent, text));
}

void Trace::actions(std::string_view torrent, TimePoint now, std::span<const Action> actions) {
  const std::lock_guard lock(mutex_);
  for (const Action& action : actions) {
    write(fmt::format("{:.6f} {}  -> {}\n", seconds(now), torrent, describe(action)));
  }
}

}  // namespace barter::net
