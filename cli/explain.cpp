#include "cli/explain.hpp"

#include "cli/sizes.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace barter::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t peers_shown = 10;
constexpr std::size_t client_columns = 14;
constexpr auto look_interval = 1s;

// "our own limit", "the line: requests wait there (2 of 3 peers)".
std::string in_words(const LimitSummary& limit) {
  std::string out(describe(limit.reason));
  if (limit.reason == Limit::disk && !limit.detail.empty()) out = "our disk has trouble";
  if (!limit.detail.empty()) out += ": " + limit.detail;
  if (limit.of > 0) out += fmt::format(" ({} of {})", limit.peers, counted(limit.of, "peer"));
  return out;
}

// The columns that matter most come first: a narrow terminal cuts the end.
std::string table_row(std::string_view address, std::string_view client, std::string_view down,
                      std::string_view down_limit, std::string_view up, std::string_view up_limit,
                      std::string_view source) {
  return fmt::format("{:<21} {:<{}} {:>10} {:<9} {:>10} {:<11} {}", address, client, client_columns,
                     down, down_limit, up, up_limit, source);
}

std::string row_of(const PeerProgress& peer) {
  return table_row(to_string(peer.remote), cut_to_columns(printable(peer.client), client_columns),
                   format_rate(peer.download_rate), to_string(peer.download_limit),
                   format_rate(peer.upload_rate), to_string(peer.upload_limit),
                   to_string(peer.source));
}

boost::json::object fields_of(const PeerProgress& peer) {
  return {{"address", to_string(peer.remote)},
          {"client", valid_utf8(peer.client)},
          {"source", to_string(peer.source)},
          {"down_rate", peer.download_rate},
          {"up_rate", peer.upload_rate},
          {"down_limit", to_string(peer.download_limit)},
          {"up_limit", to_string(peer.upload_limit)}};
}

}  // namespace

boost::json::object limit_fields(const LimitSummary& limit) {
  boost::json::object out{
      {"reason", to_string(limit.reason)}, {"peers", limit.peers}, {"of", limit.of}};
  if (!limit.detail.empty()) out["detail"] = valid_utf8(limit.detail);
  return out;
}

Explanation explain(const TransferStatus& status, std::vector<PeerProgress> peers) {
  Explanation out;
  if (status.down_limit)
    out.lines.push_back(
        fmt::format("down {}: {}", format_rate(status.down_rate), in_words(*status.down_limit)));
  if (status.up_limit)
    out.lines.push_back(
        fmt::format("up {}: {}", format_rate(status.up_rate), in_words(*status.up_limit)));
  std::stable_sort(peers.begin(), peers.end(), [](const PeerProgress& a, const PeerProgress& b) {
    return a.download_rate + a.upload_rate > b.download_rate + b.upload_rate;
  });
  if (!peers.empty())
    out.lines.push_back(
        table_row("address", "client", "down", "limited", "up", "limited", "known from"));
  for (std::size_t i = 0; i < peers.size(); ++i) {
    if (i < peers_shown) out.lines.push_back(row_of(peers[i]));
    out.peers.push_back(fields_of(peers[i]));
  }
  if (peers.size() > peers_shown)
    out.lines.push_back(fmt::format("and {} more", peers.size() - peers_shown));
  return out;
}

void Explainer::add(const Client& client, const std::vector<TorrentId>& torrents,
                    TransferStatus& status) {
  if (!wanted_) return;
  const auto now = std::chrono::steady_clock::now();
  if (!looked_ || now - *looked_ >= look_interval) {
    looked_ = now;
    std::vector<PeerProgress> peers;
    for (const TorrentId id : torrents) {
      for (PeerProgress& peer : client.peers(id)) peers.push_back(std::move(peer));
    }
    last_ = std::make_shared<const Explanation>(explain(status, std::move(peers)));
  }
  status.explanation = last_;
}

}  // namespace barter::cli
