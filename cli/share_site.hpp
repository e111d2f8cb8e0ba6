// ShareSite: what `share` serves over HTTP besides its tracker: /TOKEN/NAME.torrent for each shared
// path, 503 with progress while it is hashed, and a list at /TOKEN/; without a token the same at /.
// All else, and every other token, is not found. Owned by `share`; any thread, as the
// server answers on its own.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tracker/http_server.hpp"

namespace barter::cli {

class ShareSite {
 public:
  // The names must differ: unique_names(). `token`: is_token(), or empty for none.
  explicit ShareSite(std::vector<std::string> names, std::string token = {});

  // "/TOKEN/NAME.torrent", percent-encoded.
  std::string path_of(std::size_t item) const;
  // "/TOKEN/stats".
  std::string path_of(std::string_view name) const;

  // Where peers reach us, as far as we know: told to `get`, which tries it. Not before: nothing.
  void set_peer_port(std::uint16_t port);
  // How far the hashing is. One that was served is not, until set_torrent() comes again.
  void set_progress(std::size_t item, std::uint64_t bytes_done, std::uint64_t bytes_total);
  // From now on `torrent` is served: a .torrent without trackers. The
  // list shows `pin` behind its URL.
  void set_torrent(std::size_t item, std::string torrent, std::string pin = {});
  // What is at /TOKEN/metrics.
  void set_metrics(std::string text);
  // From now on it is gone: its files are no longer what they were.
  void withdraw(std::size_t item);

  // The served torrent announces to the Host of the question. Whoever has it already (by its ETag)
  // is not sent it again.
  tracker::HttpReply answer(const tracker::HttpQuestion& question) const;

 private:
  enum class State : std::uint8_t { hashing, ready, withdrawn };
  struct Item {
    std::string name;
    State state = State::hashing;
    std::uint64_t bytes_done = 0, bytes_total = 0;
    std::shared_ptr<const std::string> torrent;  // without its first byte
    std::string digest, pin;                     // of it
  };
  std::optional<std::string_view> behind_token(std::string_view path) const;
  std::string list(std::string_view host) const;

  const std::string token_;
  mutable std::mutex mutex_;
  std::vector<Item> items_;
  std::string metrics_;
  std::uint16_t peer_port_ = 0;
};

// Of equal names the later ones get a number: "a", "a-2".
std::vector<std::string> unique_names(std::vector<std::string> names);
// What a torrent with that announce URL begins with; then comes the torrent (without "announce" and
// "announce-list") without its first byte.
std::string torrent_beginning(std::string_view url);

}  // namespace barter::cli
