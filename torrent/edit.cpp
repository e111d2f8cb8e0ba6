#include "torrent/edit.hpp"

#include "torrent/bencode.hpp"

#include <functional>
#include <map>

namespace barter {
namespace {

// A dictionary's entries as raw bencode, to be changed one by one. Of equal keys the first counts,
// as in the parser.
using Entries = std::map<std::string, std::string, std::less<>>;

Entries entries_of(bencode::Node dictionary) {
  Entries out;
  for (const auto& [key, value] : dictionary.entries()) out.emplace(key, value.raw());
  return out;
}

std::string encode(const Entries& entries) {
  bencode::Writer writer;
  writer.begin_dictionary();
  for (const auto& [key, value] : entries) writer.key(key).raw(value);
  return writer.end().take();
}

std::string encode(std::string_view text) {
  return bencode::Writer().string(text).take();
}
std::string encode(std::int64_t number) {
  return bencode::Writer().integer(number).take();
}

std::string encode_list(const std::vector<std::string>& texts) {
  bencode::Writer writer;
  writer.begin_list();
  for (const std::string& text : texts) writer.string(text);
  return writer.end().take();
}

void set_or_erase(Entries& entries, const std::string& key, bool present, std::string value) {
  if (present) {
    entries.insert_or_assign(key, std::move(value));
  } else {
    entries.erase(key);
  }
}

void set_trackers(Entries& entries, const std::vector<std::vector<std::string>>& tiers) {
  entries.erase("announce");
  entries.erase("announce-list");
  if (tiers.empty()) return;
  entries.emplace("announce", encode(tiers[0].at(0)));
  if (tiers.size() == 1 && tiers[0].size() == 1) return;
  bencode::Writer writer;
  writer.begin_list();
  for (const auto& tier : tiers) writer.raw(encode_list(tier));
  entries.emplace("announce-list", writer.end().take());
}

}  // namespace

std::string wrap_info(const Metainfo& metainfo,
                      const std::vector<std::vector<std::string>>& trackers,
                      const std::string& piece_layers) {
  Entries entries;
  if (!trackers.empty()) set_trackers(entries, trackers);
  entries.emplace("info", metainfo.info_bytes());
  if (!piece_layers.empty()) {
    entries.emplace("piece layers", piece_layers);
  } else if (metainfo.has_v2() && metainfo.has_piece_layers()) {
    entries.emplace("piece layers", metainfo.encode_piece_layers());
  }
  return encode(entries);
}

Result<std::string> edit_torrent(std::string_view torrent, const TorrentEdit& edit) {
  // As the reader of torrents takes it: with a line feed after its end, which is left out.
  const auto document = bencode::parse_prefix(torrent, {.depth = 128});
  if (!document) return document.error();
  const bencode::Node root = document->root();
  if (root.type() != bencode::Type::dictionary) {
    return Error{Errc::not_a_dictionary, "not a torrent: no dictionary"};
  }
  const auto info = root.find_dictionary("info");
  if (!info) return Error{Errc::invalid_metainfo, "not a torrent: no info dictionary"};
  Entries entries = entries_of(root);
  if (edit.trackers) set_trackers(entries, *edit.trackers);
  if (edit.web_seeds) {
    const auto& urls = *edit.web_seeds;
    set_or_erase(entries, "url-list", !urls.empty(),
                 urls.size() == 1 ? encode(urls[0]) : encode_list(urls));
  }
  if (edit.comment) {
    set_or_erase(entries, "comment", !edit.comment->empty(), encode(*edit.comment));
    entries.erase("comment.utf-8");
  }
  if (edit.creation_date) {
    set_or_erase(entries, "creation date", edit.creation_date->has_value(),
                 encode(edit.creation_date->value_or(0)));
  }
  if (edit.alters_info()) {
    Entries inside = entries_of(*info);
    if (edit.is_private) set_or_erase(inside, "private", *edit.is_private, encode(std::int64_t{1}));
    if (edit.source) set_or_erase(inside, "source", !edit.source->empty(), encode(*edit.source));
    entries.insert_or_assign("info", encode(inside));
  }
  return encode(entries);
}

}  // namespace barter
