// TorrentPin: which torrent a person expects: by `--expect HASH`, or by the `#btih=HASH` behind a
// URL as `share` prints it. A value type.
#pragma once

#include <optional>
#include <string>

#include "torrent/digest.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

class TorrentPin {
 public:
  // 40 hexadecimal digits or 32 of base32 (v1), or 64 hexadecimal digits (v2).
  static Result<TorrentPin> parse(const std::string& hash);
  // What stands behind '#' in a URL: btih=HASH or btmh=HASH; nothing where it is neither. An error
  // where it is no hash: a pin that cannot be read must not be passed over.
  static Result<std::optional<TorrentPin>> of_url(const std::string& url);

  // Fails with both hashes named. `what` is what is judged, as "http://...".
  Result<void> check(const InfoHash& found, const std::string& what) const;
  // The same torrent, as far as both say.
  bool contradicts(const TorrentPin& other) const;
  bool is_v2() const { return hash_.v2.has_value(); }

 private:
  InfoHash hash_;  // one of the two
};

// "#btih=HASH": what `share` puts behind a URL.
std::string pin_text(const InfoHash& hash);

}  // namespace barter::cli
