// ShareSite: what `share` serves over HTTP besides its tracker: /NAME.torrent for each shared path,
// 503 with progress while it is hashed, and a list at /. Owned by `share`; any thread, as the
// server answers on its own.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tracker/http_server.hpp"

namespace barter::cli {

class ShareSite {
 public:
  // The names must differ: unique_names().
  explicit ShareSite(std::vector<std::string> names);

  // How far the hashing is.
  void set_progress(std::size_t item, std::uint64_t bytes_done, std::uint64_t bytes_total);
  // From now on `torrent` is served: a .torrent without trackers.
  void set_torrent(std::size_t item, std::string torrent);
  // From now on it is gone: its files are no longer what they were.
  void withdraw(std::size_t item);

  // `host` is the validated Host header: the served torrent announces there.
  tracker::HttpReply answer(std::string_view path, std::string_view host) const;

 private:
  enum class State : std::uint8_t { hashing, ready, withdrawn };
  struct Item {
    std::string name;
    State state = State::hashing;
    std::uint64_t bytes_done = 0, bytes_total = 0;
    std::string torrent;
  };
  std::string list(std::string_view host) const;

  mutable std::mutex mutex_;
  std::vector<Item> items_;
};

// Of equal names the later ones get a number: "a", "a-2".
std::vector<std::string> unique_names(std::vector<std::string> names);
// "/NAME.torrent", percent-encoded.
std::string torrent_path(std::string_view name);
// The torrent (without "announce" and "announce-list") with that announce URL.
std::string with_announce(std::string_view torrent, std::string_view url);

}  // namespace barter::cli
