#include "cli/metrics_file.hpp"

#include <cmath>

#include "cli/metrics.hpp"
#include "torrent/write_file.hpp"

namespace barter::cli {
namespace {

constexpr auto interval = std::chrono::seconds(5);

}  // namespace

std::string get_metrics(const GetCounts& counts, std::chrono::system_clock::time_point now) {
  Metrics out;
  const auto one = [&](std::string_view name, std::string_view type, std::string_view help,
                       auto value) {
    out.add(name, type, help, {{"name", counts.name}, {"info_hash", counts.info_hash}},
            static_cast<double>(value));
  };
  one("barter_get_bytes_done", "gauge", "Verified bytes of what is wanted.", counts.bytes_done);
  one("barter_get_bytes_wanted", "gauge", "Bytes that are wanted.", counts.bytes_total);
  one("barter_get_complete", "gauge", "1 once all is verified and on the disk.",
      counts.complete ? 1 : 0);
  one("barter_get_downloaded_bytes_total", "counter", "Payload received in this run.",
      counts.downloaded);
  one("barter_get_uploaded_bytes_total", "counter", "Payload sent in this run.", counts.uploaded);
  one("barter_get_download_bytes_per_second", "gauge", "Payload received per second.",
      counts.down_rate);
  one("barter_get_upload_bytes_per_second", "gauge", "Payload sent per second.", counts.up_rate);
  one("barter_get_peers", "gauge", "Connected peers.", counts.peers);
  one("barter_get_seeds", "gauge", "Connected peers that have everything.", counts.seeds);
  one("barter_get_running", "gauge", "0 once the program has ended.", counts.ended ? 0 : 1);
  if (counts.ended) {
    one("barter_get_exit_code", "gauge", "What the program exited with.", counts.exit_code);
  }
  const std::chrono::duration<double> since = now.time_since_epoch();
  one("barter_get_written_timestamp_seconds", "gauge", "When this was written.",
      std::floor(since.count()));
  return out.text();
}

bool MetricsFile::due(std::chrono::steady_clock::time_point now) const {
  return wanted() &&
         (written_ == std::chrono::steady_clock::time_point() || now - written_ >= interval);
}

Result<void> MetricsFile::write(const GetCounts& counts) {
  written_ = std::chrono::steady_clock::now();
  return write_file(path_, get_metrics(counts, std::chrono::system_clock::now()), true);
}

}  // namespace barter::cli
