// barter show and barter magnet: what is in a torrent or a link.
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/output.hpp"
#include "cli/sizes.hpp"
#include "cli/state_folder.hpp"
#include "cli/text.hpp"
#include "cli/torrent_source.hpp"
#include "torrent/magnet.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include <ctime>
#include <memory>

namespace barter::cli {
namespace {

constexpr const char* show_examples =
    "  barter show film.torrent\n"
    "  barter show --json film.torrent\n"
    "  barter show 'magnet:?xt=urn:btih:...'";
constexpr const char* magnet_examples =
    "  barter magnet film.torrent\n"
    "  barter magnet film.torrent --peer 10.0.0.7:6881\n"
    "  barter magnet 'magnet:?...'       (in its canonical form)";

std::string attributes_of(const File& file) {
  std::string out;
  if (file.hidden) out += 'h';
  if (!file.symlink_target.empty()) out += 'l';
  if (file.pad) out += 'p';
  if (file.executable) out += 'x';
  return out;
}

template <class Text>
boost::json::value text_or_null(const Text& text) {
  if (text.empty()) return nullptr;
  return boost::json::value(valid_utf8(text));
}

template <class Texts>
boost::json::array texts(const Texts& list) {
  boost::json::array out;
  for (const auto& text : list) out.push_back(boost::json::value(valid_utf8(text)));
  return out;
}

boost::json::object to_json(const Metainfo& metainfo) {
  boost::json::object out = torrent_fields(metainfo);
  out["total_size"] = metainfo.content_size();
  out["piece_length"] = metainfo.layout().piece_length();
  out["pieces"] = metainfo.layout().piece_count();
  out["private"] = metainfo.is_private();
  out["source"] = text_or_null(metainfo.source());
  boost::json::array tiers;
  for (const auto& tier : metainfo.trackers()) tiers.push_back(texts(tier));
  out["trackers"] = std::move(tiers);
  out["web_seeds"] = texts(metainfo.web_seeds());
  out["comment"] = text_or_null(metainfo.comment());
  out["created_by"] = text_or_null(metainfo.created_by());
  const auto date = metainfo.creation_date();
  out["creation_date"] = date ? boost::json::value(*date) : nullptr;
  boost::json::array nodes;
  for (const HostPort& node : metainfo.dht_nodes()) {
    nodes.push_back(boost::json::value(valid_utf8(to_string(node))));
  }
  out["dht_nodes"] = std::move(nodes);
  out["warnings"] = texts(metainfo.warnings());
  boost::json::array files;
  for (const File& file : metainfo.files()) {
    // v2 alone has no pads; ours there only stand for its alignment.
    if (file.pad && !metainfo.has_v1()) continue;
    boost::json::object entry{
        {"path", file.path}, {"size", file.length}, {"attr", attributes_of(file)}};
    if (!file.symlink_target.empty()) entry["symlink"] = file.symlink_target;
    if (file.pieces_root) entry["pieces_root"] = to_hex(*file.pieces_root);
    files.push_back(std::move(entry));
  }
  out["files"] = std::move(files);
  return out;
}

boost::json::object to_json(const Magnet& magnet) {
  const InfoHash& hash = magnet.info_hash;
  boost::json::object out{{"name", text_or_null(magnet.name)}};
  out["v1_info_hash"] = hash.v1 ? boost::json::value(to_hex(*hash.v1)) : nullptr;
  out["v2_info_hash"] = hash.v2 ? boost::json::value(to_hex(*hash.v2)) : nullptr;
  boost::json::array tiers;  // of a link, each tracker is a tier
  for (const std::string& url : magnet.trackers) tiers.push_back(texts(std::vector{url}));
  out["trackers"] = std::move(tiers);
  out["web_seeds"] = texts(magnet.web_seeds);
  boost::json::array peers;
  for (const HostPort& peer : magnet.peers) {
    peers.push_back(boost::json::value(valid_utf8(to_string(peer))));
  }
  out["peers"] = std::move(peers);
  // What only the torrent itself knows.
  for (const char* key : {"total_size", "piece_length", "private", "source"}) out[key] = nullptr;
  out["files"] = boost::json::array();
  return out;
}

void print_field(Output& output, const char* name, const std::string& value) {
  if (!value.empty()) output.print(fmt::format("{:<14}{}", name, value));
}

void print_hashes(Output& output, const InfoHash& hash) {
  if (hash.v1) print_field(output, "info-hash v1", to_hex(*hash.v1));
  if (hash.v2) print_field(output, "info-hash v2", to_hex(*hash.v2));
}

// Shorter than in JSON, and in local time: it is for a person.
std::string shown_date(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  char text[64];
  if (localtime_r(&time, &parts) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", &parts) == 0) {
    return fmt::format("{} s after 1970", seconds);
  }
  return text;
}

void print(const Metainfo& metainfo, Output& output) {
  print_field(output, "name", metainfo.name());
  print_hashes(output, metainfo.info_hash());
  const Layout& layout = metainfo.layout();
  std::size_t files = 0;
  for (const File& file : metainfo.files()) files += file.pad ? 0 : 1;
  print_field(output, "size",
              fmt::format("{} ({} bytes) in {}", format_size(metainfo.content_size()),
                          metainfo.content_size(), counted(files, "file")));
  print_field(output, "pieces",
              fmt::format("{} of {}", layout.piece_count(), format_size(layout.piece_length())));
  print_field(output, "private", metainfo.is_private() ? "yes" : "no");
  print_field(output, "source", metainfo.source());
  print_field(output, "comment", metainfo.comment());
  print_field(output, "created by", metainfo.created_by());
  if (const auto date = metainfo.creation_date()) print_field(output, "created", shown_date(*date));
  for (std::size_t tier = 0; tier < metainfo.trackers().size(); ++tier) {
    for (const std::string& url : metainfo.trackers()[tier]) {
      print_field(output, "tracker", fmt::format("{} (tier {})", url, tier + 1));
    }
  }
  for (const std::string& url : metainfo.web_seeds()) print_field(output, "web seed", url);
  for (const HostPort& node : metainfo.dht_nodes())
    print_field(output, "DHT node", to_string(node));
  for (const std::string& warning : metainfo.warnings()) print_field(output, "note", warning);
  print_field(output, "files", fmt::format("{:>15}  path", "bytes"));
  for (const File& file : metainfo.files()) {
    if (file.pad) continue;
    std::string line = fmt::format("{:14}{:>15}  {}", "", file.length, file.path);
    if (!file.symlink_target.empty()) line += " -> " + file.symlink_target;
    if (file.executable) line += " (executable)";
    output.print(line);
  }
}

void print(const Magnet& magnet, Output& output) {
  print_field(output, "name", magnet.name);
  print_hashes(output, magnet.info_hash);
  for (const std::string& url : magnet.trackers) print_field(output, "tracker", url);
  for (const std::string& url : magnet.web_seeds) print_field(output, "web seed", url);
  for (const HostPort& peer : magnet.peers) print_field(output, "peer", to_string(peer));
}

int show(const std::string& source, const std::string& encoding, Output& output) {
  if (is_magnet(source)) {
    const auto magnet = Magnet::parse(source);
    if (!magnet) return output.fail(magnet.error());
    print(*magnet, output);
    output.result(to_json(*magnet));
    return exit_done;
  }
  const auto torrent =
      load_torrent(source, output, {.state_folder = state_folder_if_any(""), .encoding = encoding});
  if (!torrent) return fail(output, torrent.error());
  if (output.json()) {
    output.result(to_json(*torrent->metainfo));
  } else {
    print(*torrent->metainfo, output);
  }
  return exit_done;
}

struct MagnetOptions {
  std::string source;
  std::vector<std::string> peers;
};

Magnet magnet_of(const Metainfo& metainfo) {
  Magnet out;
  out.info_hash = metainfo.info_hash();
  out.name = metainfo.name();
  for (const auto& tier : metainfo.trackers()) {
    out.trackers.insert(out.trackers.end(), tier.begin(), tier.end());
  }
  out.web_seeds = metainfo.web_seeds();
  return out;
}

int magnet(const MagnetOptions& options, Output& output) {
  Magnet link;
  if (is_magnet(options.source)) {
    auto parsed = Magnet::parse(options.source);
    if (!parsed) return output.fail(parsed.error());
    link = std::move(*parsed);
  } else {
    const auto torrent =
        load_torrent(options.source, output, {.state_folder = state_folder_if_any("")});
    if (!torrent) return fail(output, torrent.error());
    link = magnet_of(*torrent->metainfo);
    if (torrent->metainfo->is_private()) {
      output.warning("the torrent is private: most clients will not fetch it by a magnet link");
      if (link.trackers.empty())
        output.warning("it names no tracker: others will look for it in the DHT");
    }
  }
  const auto peers = parse_peers(options.peers);
  link.peers.insert(link.peers.end(), peers.begin(), peers.end());
  const std::string text = to_string(link);
  output.print(text);
  boost::json::object fields = to_json(link);
  fields["magnet"] = text;
  output.result(std::move(fields));
  return exit_done;
}

}  // namespace

void add_show_command(CLI::App& app, CommandLine& line) {
  auto source = std::make_shared<std::string>();
  auto encoding = std::make_shared<std::string>();
  CLI::App* command =
      add_command(app, line, "show", "Tell what is in a torrent or a magnet link", show_examples,
                  [source, encoding](Output& output) { return show(*source, *encoding, output); });
  command->add_option("TORRENT", *source, "A .torrent file, its URL, or a magnet link")->required();
  add_encoding_option(command, *encoding);
}

void add_magnet_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<MagnetOptions>();
  CLI::App* command =
      add_command(app, line, "magnet", "Print the magnet link of a torrent", magnet_examples,
                  [options](Output& output) { return magnet(*options, output); });
  command->add_option("TORRENT", options->source, "A .torrent file, its URL, or a magnet link")
      ->required();
  command->add_option("--peer", options->peers, "Name a peer in the link (repeatable)")
      ->allow_extra_args(false)
      ->type_name("HOST:PORT");
}

}  // namespace barter::cli
