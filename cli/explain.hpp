// What `--explain` adds to the progress: what limits the rates, and of the fastest peers the same
// one by one.
#pragma once

#include "cli/output.hpp"
#include "client/client.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace barter::cli {

// {reason, peers, of, detail} of docs/json.md.
boost::json::object limit_fields(const LimitSummary& limit);
// The lines and the objects for these peers. `status`: the rates, and what limits all of them.
Explanation explain(const TransferStatus& status, std::vector<PeerProgress> peers);

// Looks at the peers once a second, however often it is called.
class Explainer {
 public:
  explicit Explainer(bool wanted) : wanted_(wanted) {}  // by --explain; else it does nothing
  void add(const Client& client, const std::vector<TorrentId>& torrents, TransferStatus& status);

 private:
  const bool wanted_;
  std::optional<std::chrono::steady_clock::time_point> looked_;
  std::shared_ptr<const Explanation> last_;
};

}  // namespace barter::cli
