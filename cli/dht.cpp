// barter dht: asks the distributed hash table, as a node of its own
// that lives as long as the question.
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"
#include "cli/state_folder.hpp"
#include "cli/text.hpp"
#include "client/dht_client.hpp"
#include "torrent/bencode.hpp"
#include "torrent/escape.hpp"
#include "torrent/magnet.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/write_file.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include <memory>

namespace barter::cli {
namespace {

using namespace std::chrono_literals;

constexpr const char* examples =
    "  barter dht                                     # who are we, who is there?\n"
    "  barter dht find-peers 'magnet:?xt=urn:btih:...'\n"
    "  barter dht ping router.bittorrent.com:6881\n"
    "  barter dht put 'a few words'                   # prints where they lie\n"
    "  barter dht get e5f96f6f38320f0f33959cb4d3d656452117aadb\n"
    "  barter dht put 'the latest' --key me.pem --keep   # may be replaced by who has the key";

constexpr std::size_t max_salt = 64;  // BEP 44

struct Options {
  std::string action = "status", what, salt, key, keep, state_folder;
  std::optional<std::int64_t> sequence, replaces;
  std::vector<std::string> nodes, listen;
  std::uint16_t port = 0;
  std::chrono::milliseconds timeout = 30s;
};

boost::json::object family_fields(const DhtFamilyStatus& family) {
  return {{"id", family.id},
          {"nodes", family.nodes},
          {"good_nodes", family.good_nodes},
          {"bootstrapped", family.bootstrapped},
          {"external", family.external ? boost::json::value(to_string(*family.external)) : nullptr},
          {"network_estimate", static_cast<std::uint64_t>(family.network_estimate)}};
}

std::string family_line(const char* name, const DhtFamilyStatus& family) {
  std::string out = fmt::format("{}: {}, {} nodes known, {} of them good", name, family.id,
                                family.nodes, family.good_nodes);
  if (family.external) out += ", seen as " + to_string(*family.external);
  if (family.network_estimate >= 1)
    out += fmt::format(", about {:.0f} nodes in all", family.network_estimate);
  return out;
}

class Ask {
 public:
  Ask(const Options& options, Output& output) : options_(options), output_(output) {}

  int run() {
    if (options_.action == "status" && !options_.what.empty())
      throw UsageError("dht status takes nothing more");
    if (options_.action != "status" && options_.what.empty())
      throw UsageError(
          fmt::format("dht {}: name what it is about (see 'barter dht --help')", options_.action));
    check_item_flags();
    DhtClientOptions settings;
    settings.port = options_.port;
    settings.addresses = parse_addresses("--listen", options_.listen);
    settings.bootstrap = parse_peers(options_.nodes, "--dht-node");
    auto folder = state_folder(options_.state_folder, &output_);
    if (!folder) return output_.fail(folder.error());
    settings.state_folder = std::move(*folder);
    // What is wrong about the question shows before anybody is asked.
    std::optional<WireInfoHash> info_hash;
    std::optional<HostPort> node;
    if (options_.action == "find-peers") info_hash = hash_of(options_.what);
    if (options_.action == "ping") node = parse_peers({options_.what}, "ping").front();
    std::optional<DhtKey> key;
    if (!options_.key.empty()) {
      auto found = find_key();
      if (!found) return output_.fail(found.error());
      key = *found;
    }
    auto client = DhtClient::start(std::move(settings));
    if (!client) return output_.fail(client.error());
    client_ = std::move(*client);
    if (options_.action == "status") return status();
    if (node) return ping(*node);
    if (info_hash) return find_peers(*info_hash);
    return options_.action == "get" ? get() : put(key);
  }

 private:
  void check_item_flags() {
    const bool put = options_.action == "put";
    if (!options_.salt.empty() && !put && options_.action != "get")
      throw UsageError("--salt is for get and put");
    if (options_.salt.size() > max_salt) throw UsageError("--salt: at most 64 bytes");
    if (!put && !(options_.key.empty() && options_.keep.empty()))
      throw UsageError("--key and --keep are for put");
    const bool of_key = options_.sequence || options_.replaces || (put && !options_.salt.empty());
    if (of_key && options_.key.empty())
      throw UsageError("--salt, --seq and --cas of a put are for mutable items: give --key");
    if (options_.keep.empty()) return;
    const auto pause = parse_duration(options_.keep);
    if (!pause || *pause < 1s) throw UsageError("--keep: give a time as 1h, a second at least");
    keep_ = *pause;
  }

  Result<DhtKey> find_key() {
    auto key = DhtKey::load(options_.key);
    if (key || path_exists(options_.key)) return key;
    key = DhtKey::create(options_.key);
    if (key)
      output_.message(fmt::format("{}: a new key; who has it may change the item", options_.key));
    return key;
  }

  // A torrent's hash, its magnet link, or the .torrent itself.
  static WireInfoHash hash_of(const std::string& text) {
    WireInfoHash out;
    if (text.size() == 2 * out.bytes.size() && from_hex(text, out.bytes)) return out;
    if (is_magnet(text)) {
      auto magnet = Magnet::parse(text);
      if (!magnet) throw UsageError("find-peers: " + magnet.error().message);
      return magnet->info_hash.wire();
    }
    const auto metainfo = Metainfo::load(text);
    if (!metainfo) throw UsageError("find-peers: " + metainfo.error().message);
    return (*metainfo)->info_hash().wire();
  }

  int failed(const DhtAnswer& answer) {
    return output_.fail(Error{
        Errc::network, fmt::format("dht {}: {}", options_.action,
                                   answer.failure.empty() ? "nobody answers" : answer.failure)});
  }

  boost::json::object fields(const DhtAnswer& answer) const {
    return {{"action", options_.action},
            {"asked", answer.asked},
            {"answers", answer.answers},
            {"milliseconds", answer.took.count()}};
  }

  int status() {
    const DhtStatus now =
        client_->status(std::min<std::chrono::milliseconds>(options_.timeout, 10s));
    boost::json::object out{{"action", options_.action}};
    for (const auto& [name, family] : {std::pair("ipv4", &now.v4), std::pair("ipv6", &now.v6)}) {
      if (!family->enabled) continue;
      out[name] = family_fields(*family);
      output_.print(family_line(name, *family));
    }
    output_.result(std::move(out));
    return now.v4.good_nodes + now.v6.good_nodes > 0 ? exit_done : exit_failed;
  }

  int ping(const HostPort& node) {
    const DhtAnswer answer = client_->ping(node, options_.timeout);
    if (!answer.ok) return failed(answer);
    boost::json::object out = fields(answer);
    out["id"] = answer.id;
    out["version"] = valid_utf8(answer.version);
    out["seen_as"] = answer.seen_as ? boost::json::value(to_string(*answer.seen_as)) : nullptr;
    output_.print(fmt::format("{} after {} ms{}{}", answer.id, answer.took.count(),
                              answer.version.empty() ? "" : ", " + escape(answer.version),
                              answer.seen_as ? ", sees us as " + to_string(*answer.seen_as) : ""));
    output_.result(std::move(out));
    return exit_done;
  }

  int find_peers(const WireInfoHash& info_hash) {
    const DhtAnswer answer = client_->find_peers(info_hash, options_.timeout);
    if (!answer.ok) return failed(answer);
    boost::json::object out = fields(answer);
    boost::json::array peers;
    for (const Endpoint& peer : answer.peers) {
      output_.print(to_string(peer));
      peers.emplace_back(to_string(peer));
    }
    out["peers"] = std::move(peers);
    output_.message(fmt::format("{} peers, told by {} of {} nodes", answer.peers.size(),
                                answer.answers, answer.asked));
    output_.result(std::move(out));
    return answer.peers.empty() ? exit_failed : exit_done;
  }

  int get() {
    DhtAnswer answer = client_->get(options_.what, options_.salt, options_.timeout);
    if (!answer.value) {
      if (answer.failure.empty()) answer.failure = "no node has it";
      return failed(answer);
    }
    std::string text = *answer.value;
    // A string is shown as such, any other value as it is bencoded.
    if (const auto document = bencode::parse(*answer.value))
      if (const auto string = document->root().string()) text = *string;
    boost::json::object out = fields(answer);
    out["value"] = valid_utf8(text);
    out["sequence"] = answer.sequence ? boost::json::value(*answer.sequence) : nullptr;
    output_.print(escape(text));
    output_.result(std::move(out));
    return exit_done;
  }

  DhtAnswer put_once(const std::optional<DhtKey>& key) {
    if (!key) return client_->put(options_.what, options_.timeout);
    return client_->put(DhtMutableItem{options_.what, *key, options_.salt, sequence_, replaces_},
                        options_.timeout);
  }

  int put(const std::optional<DhtKey>& key) {
    sequence_ = options_.sequence;
    replaces_ = options_.replaces;
    DhtAnswer answer = put_once(key);
    if (!answer.ok) return failed(answer);
    output_.print(answer.target);
    output_.message(
        fmt::format("kept by {} nodes, for some two hours{}", answer.stored,
                    answer.sequence ? fmt::format("; number {}", *answer.sequence) : ""));
    std::uint64_t puts = 1;
    if (keep_) {
      // The same item again, whatever has come in its place: then nodes refuse it.
      sequence_ = answer.sequence;
      replaces_.reset();
      while (!signals::wait(*keep_)) {
        DhtAnswer again = put_once(key);
        if (!again.ok) {
          output_.warning(fmt::format("dht put: {}; trying again later", again.failure));
          continue;
        }
        answer = std::move(again);
        ++puts;
      }
    }
    boost::json::object out = fields(answer);
    out["target"] = answer.target;
    out["stored"] = answer.stored;
    out["puts"] = puts;
    if (answer.sequence) out["sequence"] = *answer.sequence;
    if (key) out["public_key"] = answer.public_key;
    output_.result(std::move(out));
    return keep_ ? exit_signal_base + signals::received() : exit_done;
  }

  const Options& options_;
  Output& output_;
  std::unique_ptr<DhtClient> client_;
  std::optional<std::chrono::milliseconds> keep_;  // the pause between two puts
  std::optional<std::int64_t> sequence_, replaces_;
};

}  // namespace

void add_dht_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, line, "dht", "Ask the DHT: who has a torrent, what lies there", examples,
                  [options](Output& output) { return Ask(*options, output).run(); });
  command->add_option("ACTION", options->action, "status (default), find-peers, ping, get or put")
      ->check(CLI::IsMember({"status", "find-peers", "ping", "get", "put"}).description(""))
      ->type_name("status|find-peers|ping|get|put");
  command->add_option("WHAT", options->what,
                      "find-peers: an info-hash, magnet link or .torrent; ping: HOST:PORT; get: 40 "
                      "hexadecimal digits; put: a text of at most 996 bytes");
  command
      ->add_option("--key", options->key,
                   "put: a mutable item, signed with the ed25519 key in this PEM file, which is "
                   "made if there is none")
      ->type_name("FILE");
  command
      ->add_option("--salt", options->salt,
                   "get, put: of a mutable item, to tell a key's items apart")
      ->type_name("TEXT");
  command
      ->add_option("--seq", options->sequence,
                   "put: its number; default: one more than that of what is there")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("N");
  command->add_option("--cas", options->replaces, "put: only in place of the item of this number")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("N");
  command
      ->add_flag("--keep{1h}", options->keep,
                 "put: stay, and put it again each hour, or --keep=30m; items are forgotten after "
                 "two hours")
      ->type_name("TIME");
  command
      ->add_option("--dht-node", options->nodes,
                   "Enter the DHT here, not by the well-known routers (repeatable)")
      ->allow_extra_args(false)
      ->type_name("HOST:PORT");
  command
      ->add_option("--listen", options->listen,
                   "Ask from this address of ours; default: all (repeatable)")
      ->allow_extra_args(false)
      ->type_name("ADDRESS");
  command->add_option("--port", options->port, "UDP; default: any")
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT");
  add_duration_option(command, "--timeout", options->timeout, "Wait so long; default: 30s");
  command
      ->add_option("--state-dir", options->state_folder,
                   "Where barter remembers nodes; default: $XDG_STATE_HOME/barter")
      ->type_name("DIR");
}

}  // namespace barter::cli
