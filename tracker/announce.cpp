#include "tracker/announce.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "torrent/ascii.hpp"
#include "torrent/bencode.hpp"
#include "torrent/url.hpp"

namespace barter::tracker {
namespace {

// What a hostile query or body may make us keep, in bytes.
constexpr std::size_t max_key_bytes = 64;
constexpr std::size_t max_tracker_id_bytes = 1024;
constexpr std::size_t max_text_bytes = 1024;  // failure reasons and warnings
constexpr std::size_t max_host_bytes = 255;   // RFC 1035
constexpr bencode::Limits body_limits{.bytes = 2 << 20, .depth = 16, .tokens = 1 << 18};

// '+' is a space, as forms have it: clients in Python and Go write the byte 0x20 so, and no client
// is known that leaves a '+' of an info-hash bare.
std::optional<std::string> form_decode(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return percent_decode(spaced);
}

// Calls visit(key, value as sent) for each pair; stops when it returns an error.
template <class Visit>
std::optional<Error> for_each_pair(std::string_view query, Visit visit) {
  for (std::size_t begin = 0; begin < query.size();) {
    const std::size_t end = std::min(query.find('&', begin), query.size());
    const std::string_view pair = query.substr(begin, end - begin);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    if (auto error = visit(pair.substr(0, equals), value)) return error;
    begin = end + 1;
  }
  return std::nullopt;
}

// Digits alone; what is beyond the type becomes its largest value. Nothing for anything else.
std::optional<std::uint64_t> parse_count(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::numeric_limits<std::uint64_t>::max();
  return value;
}

std::uint32_t saturate(std::uint64_t value) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

Event parse_event(std::string_view text) {
  if (text == "started") return Event::started;
  if (text == "completed") return Event::completed;
  if (text == "stopped") return Event::stopped;
  if (text == "paused") return Event::paused;
  return Event::none;  // "empty" (BEP 3), and whatever else clients invent
}

std::string_view to_text(Event event) {
  switch (event) {
    case Event::none:
      return "";
    case Event::started:
      return "started";
    case Event::completed:
      return "completed";
    case Event::stopped:
      return "stopped";
    case Event::paused:
      return "paused";
  }
  return "";
}

Error bad_request(std::string message) {
  return {Errc::protocol, std::move(message)};
}

Result<WireInfoHash> parse_info_hash(std::string_view value) {
  const auto decoded = form_decode(value);
  if (!decoded) return bad_request("info_hash is not percent-encoded correctly");
  const auto info_hash = WireInfoHash::from(*decoded);
  if (!info_hash) {
    return bad_request(fmt::format("info_hash must be 20 bytes, not {}", decoded->size()));
  }
  return *info_hash;
}

// The values of a query as they came: of equal keys the first counts.
struct RawAnnounce {
  std::optional<std::string_view> info_hash, peer_id, port, uploaded, downloaded, left, event,
      numwant, compact, key, tracker_id;

  std::optional<std::string_view>* slot(std::string_view name) {
    if (name == "info_hash") return &info_hash;
    if (name == "peer_id") return &peer_id;
    if (name == "port") return &port;
    if (name == "uploaded") return &uploaded;
    if (name == "downloaded") return &downloaded;
    if (name == "left") return &left;
    if (name == "event") return &event;
    if (name == "numwant") return &numwant;
    if (name == "compact") return &compact;
    if (name == "key") return &key;
    if (name == "trackerid") return &tracker_id;
    return nullptr;  // "ip", "ipv4" and "ipv6" too: they would let anybody name a victim (BEP 7)
  }
};

std::string decoded_or_empty(std::optional<std::string_view> value, std::size_t max_bytes) {
  if (!value) return {};
  auto decoded = form_decode(*value);
  if (!decoded || decoded->size() > max_bytes) return {};
  return std::move(*decoded);
}

std::uint64_t count_or(std::optional<std::string_view> value, std::uint64_t otherwise) {
  if (!value) return otherwise;
  return parse_count(*value).value_or(otherwise);
}

}  // namespace

std::string to_query(const AnnounceRequest& request) {
  std::string out =
      fmt::format("info_hash={}&peer_id={}&port={}&uploaded={}&downloaded={}&left={}",
                  percent_encode(request.info_hash.view()), percent_encode(request.peer_id.view()),
                  request.port, request.uploaded, request.downloaded, request.left);
  out += request.compact ? "&compact=1" : "&compact=0";
  if (request.event != Event::none) out += fmt::format("&event={}", to_text(request.event));
  if (request.peers_wanted) out += fmt::format("&numwant={}", *request.peers_wanted);
  if (!request.key.empty()) out += "&key=" + percent_encode(request.key);
  if (!request.tracker_id.empty()) out += "&trackerid=" + percent_encode(request.tracker_id);
  return out;
}

Result<AnnounceRequest> parse_announce_query(std::string_view query) {
  RawAnnounce raw;
  (void)for_each_pair(query, [&](std::string_view key, std::string_view value) {
    if (auto* slot = raw.slot(key); slot && !*slot) *slot = value;
    return std::optional<Error>{};
  });
  if (!raw.info_hash) return bad_request("info_hash is missing");
  const auto info_hash = parse_info_hash(*raw.info_hash);
  if (!info_hash) return info_hash.error();
  if (!raw.port) return bad_request("port is missing");
  const auto port = parse_count(*raw.port);
  if (!port || *port == 0 || *port > 65535) {
    return bad_request("port must be a number from 1 to 65535");
  }

  AnnounceRequest out;
  out.info_hash = *info_hash;
  out.port = static_cast<std::uint16_t>(*port);
  // Nothing depends on the peer id, so one of a wrong length is as good as none.
  out.peer_id = PeerId::from(decoded_or_empty(raw.peer_id, PeerId::size)).value_or(PeerId{});
  out.uploaded = count_or(raw.uploaded, 0);
  out.downloaded = count_or(raw.downloaded, 0);
  out.event = raw.event ? parse_event(*raw.event) : Event::none;
  // Clients without metadata do not know what is left and say -1 or nothing: they are no seeds,
  // unless they say that they have just completed.
  const bool completed = out.event == Event::completed && !raw.left;
  out.left = completed ? 0 : count_or(raw.left, std::numeric_limits<std::uint64_t>::max());
  if (raw.numwant) {  // "-1" asks for the default
    if (const auto wanted = parse_count(*raw.numwant)) out.peers_wanted = saturate(*wanted);
  }
  out.compact = raw.compact != "0";
  out.key = decoded_or_empty(raw.key, max_key_bytes);
  out.tracker_id = decoded_or_empty(raw.tracker_id, max_tracker_id_bytes);
  return out;
}

Result<std::vector<WireInfoHash>> parse_scrape_query(std::string_view query,
                                                     std::size_t max_hashes) {
  std::vector<WireInfoHash> out;
  auto error = for_each_pair(
      query, [&](std::string_view key, std::string_view value) -> std::optional<Error> {
        if (key != "info_hash") return std::nullopt;
        if (out.size() == max_hashes) {
          return bad_request(fmt::format("at most {} info_hashes in one scrape", max_hashes));
        }
        const auto info_hash = parse_info_hash(value);
        if (!info_hash) return info_hash.error();
        out.push_back(*info_hash);
        return std::nullopt;
      });
  if (error) return std::move(*error);
  if (out.empty()) return bad_request("info_hash is missing: a scrape of everything is not given");
  return out;
}

namespace {

void add_compact(const Endpoint& peer, std::string& peers, std::string& peers6) {
  append_compact(peer, peer.address.is_v4() ? peers : peers6);
}

// The keys before and after the peers, in bencode's order.
void write_head(bencode::Writer& writer, const AnnounceReply& reply) {
  writer.begin_dictionary().key("complete").integer(reply.complete);
  if (reply.external_ip) writer.key("external ip").string(reply.external_ip->view());
  writer.key("incomplete").integer(reply.incomplete).key("interval").integer(reply.interval);
  if (reply.min_interval != 0) writer.key("min interval").integer(reply.min_interval);
}

std::string write_tail(bencode::Writer& writer, const AnnounceReply& reply) {
  if (!reply.tracker_id.empty()) writer.key("tracker id").string(reply.tracker_id);
  if (!reply.warning.empty()) writer.key("warning message").string(reply.warning);
  return writer.end().take();
}

void write_compact(bencode::Writer& writer, std::string_view peers, std::string_view peers6) {
  writer.key("peers").string(peers).key("peers6").string(peers6);
}

void write_full(bencode::Writer& writer, std::string_view host, std::uint16_t port) {
  writer.begin_dictionary().key("ip").string(host).key("port").integer(port).end();
}

}  // namespace

std::string to_body(const AnnounceReply& reply, bool compact) {
  bencode::Writer writer;
  write_head(writer, reply);
  if (compact) {
    std::string peers, peers6;
    for (const HostPort& peer : reply.peers) {  // a name has no compact form
      if (const auto address = Address::parse(peer.host)) {
        add_compact({*address, peer.port}, peers, peers6);
      }
    }
    write_compact(writer, peers, peers6);
  } else {
    writer.key("peers").begin_list();
    for (const HostPort& peer : reply.peers) write_full(writer, peer.host, peer.port);
    writer.end();
  }
  return write_tail(writer, reply);
}

std::string to_body(const AnnounceReply& reply, std::span<const Endpoint> endpoints, bool compact) {
  bencode::Writer writer;
  write_head(writer, reply);
  if (compact) {
    std::string peers, peers6;
    for (const Endpoint& peer : endpoints) add_compact(peer, peers, peers6);
    write_compact(writer, peers, peers6);
  } else {
    writer.key("peers").begin_list();
    for (const Endpoint& peer : endpoints) {
      write_full(writer, barter::to_string(peer.address), peer.port);
    }
    writer.end();
  }
  return write_tail(writer, reply);
}

std::string to_body(const Failure& failure) {
  bencode::Writer writer;
  writer.begin_dictionary().key("failure reason").string(failure.reason);
  if (failure.retry_in_minutes) {  // BEP 31
    writer.key("retry in");
    if (*failure.retry_in_minutes == std::numeric_limits<std::uint32_t>::max()) {
      writer.string("never");
    } else {
      writer.integer(*failure.retry_in_minutes);
    }
  }
  return writer.end().take();
}

std::string to_body(const std::vector<ScrapeEntry>& entries) {
  std::vector<const ScrapeEntry*>
      sorted;  // and each info-hash once, however often it was asked for
  for (const ScrapeEntry& entry : entries) sorted.push_back(&entry);
  const auto by_hash = [](auto* a, auto* b) { return a->info_hash < b->info_hash; };
  const auto same_hash = [](auto* a, auto* b) { return a->info_hash == b->info_hash; };
  std::stable_sort(sorted.begin(), sorted.end(), by_hash);
  sorted.erase(std::unique(sorted.begin(), sorted.end(), same_hash), sorted.end());

  bencode::Writer writer;
  writer.begin_dictionary().key("files").begin_dictionary();
  for (const ScrapeEntry* entry : sorted) {
    writer.key(entry->info_hash.view()).begin_dictionary();
    writer.key("complete").integer(entry->complete);
    writer.key("downloaded").integer(entry->downloaded);
    writer.key("downloaders").integer(entry->downloaders);
    writer.key("incomplete").integer(entry->incomplete);
    writer.end();
  }
  return writer.end().end().take();
}

namespace {

// A number of a reply; absent, negative or of another type is 0.
std::uint32_t count(const bencode::Node& reply, std::string_view key) {
  const auto value = reply.find_integer(key);
  return value && *value > 0 ? saturate(static_cast<std::uint64_t>(*value)) : 0;
}

std::string text(std::optional<std::string_view> value, std::size_t max_bytes) {
  return value ? std::string(value->substr(0, max_bytes)) : std::string();
}

// Loopback and private addresses are taken: the tracker may be there. A last record that is cut
// short is ignored.
void read_compact(std::string_view bytes, bool v4, std::size_t max_peers,
                  std::vector<HostPort>& peers) {
  const std::size_t record = compact_bytes(v4);
  for (; bytes.size() >= record && peers.size() < max_peers; bytes.remove_prefix(record)) {
    const Endpoint peer = *from_compact(bytes.substr(0, record));
    if (peer.is_place()) peers.push_back({barter::to_string(peer.address), peer.port});
  }
}

// A host as full replies give it: an address, or a name that looks like one.
bool is_host(std::string_view host) {
  if (const auto address = Address::parse(host)) return Endpoint{*address, 1}.is_place();
  if (host.empty() || host.size() > max_host_bytes) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

void read_full(const bencode::Node& list, std::size_t max_peers, std::vector<HostPort>& peers) {
  for (const bencode::Node peer : list.items()) {
    if (peers.size() >= max_peers) return;
    const auto host = peer.find_string("ip");
    const auto port = peer.find_integer("port");
    if (!host || !port || *port < 1 || *port > 65535 || !is_host(*host)) continue;
    peers.push_back({std::string(*host), static_cast<std::uint16_t>(*port)});
  }
}

Failure parse_failure(const bencode::Node& reply) {
  Failure out;
  out.reason = text(reply.find_string("failure reason"), max_text_bytes);
  if (out.reason.empty()) out.reason = "no reason given";
  // BEP 31 writes the minutes as a number and shows them as a string.
  if (const auto minutes = reply.find_integer("retry in"); minutes && *minutes > 0) {
    out.retry_in_minutes = std::min(saturate(static_cast<std::uint64_t>(*minutes)),
                                    std::numeric_limits<std::uint32_t>::max() - 1);
  } else if (const auto words = reply.find_string("retry in")) {
    const auto number = parse_count(*words);
    if (*words == "never") out.retry_in_minutes = std::numeric_limits<std::uint32_t>::max();
    if (number && *number > 0) {
      out.retry_in_minutes =
          std::min(saturate(*number), std::numeric_limits<std::uint32_t>::max() - 1);
    }
  }
  return out;
}

}  // namespace

Result<AnnounceAnswer> parse_announce_body(std::string_view body, std::size_t max_peers) {
  // Trailing bytes are let pass: some trackers end their replies with a newline.
  const auto document = bencode::parse_prefix(body, body_limits);
  if (!document) return Error{Errc::protocol, "reply is no bencode: " + document.error().message};
  const bencode::Node root = document->root();
  if (root.type() != bencode::Type::dictionary) {
    return Error{Errc::protocol, "reply is no dictionary"};
  }
  AnnounceAnswer out;
  if (root.find("failure reason")) {
    out.failure = parse_failure(root);
    return out;
  }
  const auto peers = root.find("peers");
  if (!root.find("interval") && !peers && !root.find("peers6")) {
    return Error{Errc::protocol, "reply has neither interval nor peers"};
  }
  out.reply.interval = count(root, "interval");
  out.reply.min_interval = count(root, "min interval");
  out.reply.complete = count(root, "complete");
  out.reply.incomplete = count(root, "incomplete");
  if (peers) {
    if (const auto compact = peers->string()) {
      read_compact(*compact, true, max_peers, out.reply.peers);
    } else {
      read_full(*peers, max_peers, out.reply.peers);
    }
  }
  if (const auto peers6 = root.find_string("peers6")) {
    read_compact(*peers6, false, max_peers, out.reply.peers);
  }
  const auto tracker_id = root.find_string("tracker id");
  if (tracker_id && tracker_id->size() <= max_tracker_id_bytes) out.reply.tracker_id = *tracker_id;
  out.reply.warning = text(root.find_string("warning message"), max_text_bytes);
  if (const auto ours = root.find_string("external ip")) {
    out.reply.external_ip = Address::from(*ours);
  }
  return out;
}

}  // namespace barter::tracker
