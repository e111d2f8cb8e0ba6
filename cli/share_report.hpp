// What `share` tells of how far the others are: numbers for Prometheus while it runs, and a report
// at the end. Value types.
#pragma once

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/audience.hpp"

namespace barter::cli {

// Of one path that is shared.
struct ShareCounts {
  std::string name;
  std::uint64_t bytes = 0;
  bool served = false;
  std::uint64_t copies = 0;
  std::optional<std::uint64_t> missing_hosts;  // where hosts are expected
  std::uint64_t peers = 0, seeds = 0, uploaded = 0, upload_rate = 0;
};
std::string share_metrics(const std::vector<ShareCounts>& counts);

// At the end, of all paths together.
struct ShareReport {
  std::uint64_t copies = 0;
  std::vector<double> seconds;       // of each copy, or of each expected host that has it
  std::vector<std::string> missing;  // expected hosts that lack one of the paths

  void add(const Audience& audience);
  void add_missing(const std::vector<std::string>& names);
  boost::json::object fields() const;
  std::vector<std::string> lines() const;
};

}  // namespace barter::cli
