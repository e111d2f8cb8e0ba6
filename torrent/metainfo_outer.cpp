// What MetainfoParser reads around the info dictionary: trackers (BEP
// 12), web seeds (BEP 19), nodes (BEP 5), collections (BEP 38), remarks.
// What makes no sense here is skipped: the contents are whole.
#include <algorithm>
#include <set>
#include <utility>

#include "torrent/ascii.hpp"
#include "torrent/metainfo_parser.hpp"

namespace barter {
namespace {

constexpr std::string_view blanks = " \t\r\n";

}  // namespace

void MetainfoParser::read_outer(bencode::Node root) {
  read_trackers(root);
  read_web_seeds(root);
  read_nodes(root);
  read_collections(root);
  auto comment = root.find_string("comment.utf-8");
  if (!comment) comment = root.find_string("comment");
  out_->comment_ = comment.value_or("");
  out_->created_by_ = root.find_string("created by").value_or("");
  out_->creation_date_ = root.find_integer("creation date");
}

void MetainfoParser::read_trackers(bencode::Node root) {
  std::set<std::string_view> seen;
  const auto add = [&](bencode::Node url, std::vector<std::string>& tier) {
    const std::string_view text = trimmed(url.string().value_or(""), blanks);
    if (!text.empty() && seen.insert(text).second) tier.emplace_back(text);
  };
  const auto add_tier = [&](bencode::Node node) {
    std::vector<std::string> tier;
    add(node, tier);  // a URL where a tier should stand is one by itself
    for (const bencode::Node url : node.items()) add(url, tier);
    if (!tier.empty()) out_->trackers_.push_back(std::move(tier));
  };
  if (const auto tiers = root.find_list("announce-list")) {
    for (const bencode::Node tier : tiers->items()) add_tier(tier);
  }
  const auto announce = root.find("announce");
  if (announce && out_->trackers_.empty()) add_tier(*announce);
}

void MetainfoParser::read_web_seeds(bencode::Node root) {
  const auto urls = root.find("url-list");
  if (!urls) return;
  // Several files lie in a folder, whose URL ends with a slash (BEP 19).
  const auto real = std::count_if(out_->files_.begin(), out_->files_.end(),
                                  [](const File& file) { return !file.pad; });
  const bool folder = out_->multi_file_ && real > 1;
  std::set<std::string> seen;
  const auto add = [&](bencode::Node node) {
    std::string url(trimmed(node.string().value_or(""), blanks));
    if (url.empty()) return;
    if (folder && url.back() != '/') url.push_back('/');
    if (seen.insert(url).second) out_->web_seeds_.push_back(std::move(url));
  };
  add(*urls);
  for (const bencode::Node url : urls->items()) add(url);
}

void MetainfoParser::read_nodes(bencode::Node root) {
  const auto nodes = root.find_list("nodes");
  if (!nodes) return;
  for (const bencode::Node node : nodes->items()) {
    std::optional<std::string_view> host;
    std::optional<std::int64_t> port;
    for (const bencode::Node item : node.items()) {
      if (!host) {
        host = item.string();
      } else if (!port) {
        port = item.integer();
      }
    }
    if (!host || !port || *port < 1 || *port > 65535) continue;
    auto parsed = HostPort::parse(*host, static_cast<std::uint16_t>(*port));
    if (parsed && parsed->port == *port) out_->dht_nodes_.push_back(std::move(*parsed));
  }
}

void MetainfoParser::read_collections(bencode::Node holder) {
  const auto names = holder.find_list("collections");
  if (!names) return;
  std::set<std::string> seen(out_->collections_.begin(), out_->collections_.end());
  for (const bencode::Node item : names->items()) {
    const auto name = item.string();
    if (name && seen.emplace(*name).second) out_->collections_.emplace_back(*name);
  }
}

}  // namespace barter
