#include "cli/share_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/array.hpp>

#include <algorithm>

#include "cli/metrics.hpp"

namespace barter::cli {

std::string share_metrics(const std::vector<ShareCounts>& counts) {
  Metrics out;
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help,
                        const auto& value) {
    for (const ShareCounts& one : counts) {
      const std::optional<std::uint64_t> number = value(one);
      if (number) out.add(name, type, help, {{"name", one.name}}, static_cast<double>(*number));
    }
  };
  using One = const ShareCounts&;
  each("barter_share_bytes", "gauge", "Size of what is shared.", [](One one) { return one.bytes; });
  each("barter_share_served", "gauge", "1 once it is hashed and served.",
       [](One one) { return std::uint64_t{one.served}; });
  each("barter_share_copies", "gauge", "Peers that are known to have everything.",
       [](One one) { return one.copies; });
  each("barter_share_missing_hosts", "gauge", "Expected hosts that have not got everything.",
       [](One one) { return one.missing_hosts; });
  each("barter_share_peers", "gauge", "Connected peers.", [](One one) { return one.peers; });
  each("barter_share_seeds", "gauge", "Connected peers that have everything.",
       [](One one) { return one.seeds; });
  each("barter_share_uploaded_bytes_total", "counter", "Payload sent since the start.",
       [](One one) { return one.uploaded; });
  each("barter_share_upload_bytes_per_second", "gauge", "Payload sent per second.",
       [](One one) { return one.upload_rate; });
  return out.text();
}

void ShareReport::add(const Audience& audience) {
  copies += audience.count();
  const auto some = audience.seconds();
  seconds.insert(seconds.end(), some.begin(), some.end());
  add_missing(audience.missing());
}

void ShareReport::add_missing(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::find(missing.begin(), missing.end(), name) == missing.end()) missing.push_back(name);
  }
}

boost::json::object ShareReport::fields() const {
  boost::json::object out{{"copies", copies},
                          {"p50_seconds", nullptr},
                          {"p99_seconds", nullptr},
                          {"last_seconds", nullptr},
                          {"missing", boost::json::array(missing.begin(), missing.end())}};
  if (seconds.empty()) return out;
  out["p50_seconds"] = percentile(seconds, 50);
  out["p99_seconds"] = percentile(seconds, 99);
  out["last_seconds"] = percentile(seconds, 100);
  return out;
}

std::vector<std::string> ShareReport::lines() const {
  std::vector<std::string> out;
  if (!seconds.empty()) {
    out.push_back(
        fmt::format("{} had it: half of them after {:.1f} s, 99 % after {:.1f} s, the "
                    "last after {:.1f} s",
                    seconds.size(), percentile(seconds, 50), percentile(seconds, 99),
                    percentile(seconds, 100)));
  }
  if (!missing.empty()) {
    out.push_back(fmt::format("{} missing: {}", missing.size(), fmt::join(missing, ", ")));
  }
  return out;
}

}  // namespace barter::cli
