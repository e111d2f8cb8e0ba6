// What `share` is asked to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/sizes.hpp"
#include "torrent/create.hpp"

namespace barter::cli {

struct ShareOptions {
  std::vector<std::string> paths, listen;
  std::string address;
  std::uint16_t port = 0;
  bool has_port = false;
  bool is_public = false;
  std::uint32_t copies = 0;  // 0: no end
  std::chrono::milliseconds time = std::chrono::milliseconds::max();
  std::uint64_t up_limit = no_limit;
  std::uint32_t max_peers = 0;  // 0: the client's own idea
  std::string state_dir, trace_file;
  std::string expect_hosts;  // a file
  std::string token_file;    // empty: the token is in the state folder
  bool no_token = false;
  bool v1 = false, hybrid = false;
  std::uint64_t piece_length = 0;
  bool no_hidden = false, replace_names = false, follow_links = false;
  std::vector<std::string> exclude;
  unsigned threads = 0;
  bool explain = false;
  bool no_lsd = false, no_dht = false;
};

void add_share_flags(CLI::App* command, const std::shared_ptr<ShareOptions>& options);

// How the torrents are made. Throws UsageError.
CreateOptions create_options(const ShareOptions& options);
// What makes another torrent of the same files.
std::string variant(const ShareOptions& options);

}  // namespace barter::cli
