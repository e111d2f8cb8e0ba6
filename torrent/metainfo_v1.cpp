// The v1 side of MetainfoParser: "files" or "length", and "pieces" (BEP 3, BEP 47).
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "torrent/file_name.hpp"
#include "torrent/metainfo_parser.hpp"

namespace barter {

namespace {

// BitComet made paddings before BEP 47 had an attribute for them. Other clients know them by name.
bool is_bitcomet_pad(std::span<const std::string_view> elements) {
  return !elements.empty() && elements.back().starts_with("_____padding_file_");
}

}  // namespace

Problem MetainfoParser::read_v1(bencode::Node info) {
  const auto files = info.find("files");
  if (!files) {
    File file;
    file.path = out_->name_;
    Attributes attributes;
    if (auto problem = read_v1_length(info, "info", false, file.length)) return problem;
    if (auto problem = read_attributes(info, "info", attributes)) return problem;
    attributes.pad = false;  // the only file there is
    set_attributes(attributes, file);
    if (!raw_names_.empty()) keep_raw_paths(file, {raw_names_.front()}, {raw_names_.back()});
    return add_file(std::move(file));
  }
  if (files->type() != bencode::Type::list) {
    return metainfo_error(Errc::invalid_metainfo, "'files' is no list");
  }
  out_->multi_file_ = true;
  const std::size_t count = std::min(files->size(), limits_.files + 1);
  out_->files_.reserve(count);
  spans_.reserve(count);
  std::size_t number = 0;
  for (const bencode::Node entry : files->items()) {
    if (number == limits_.files) {
      return metainfo_error(Errc::invalid_metainfo,
                            fmt::format("more than {} files", limits_.files));
    }
    if (auto problem = read_v1_file(entry, number++)) return problem;
  }
  return {};
}

Problem MetainfoParser::read_v1_file(bencode::Node entry, std::size_t number) {
  const std::string where = fmt::format("files[{}]", number);
  if (entry.type() != bencode::Type::dictionary) {
    return metainfo_error(Errc::invalid_metainfo, where + " is no dictionary");
  }
  File file;
  Attributes attributes;
  if (auto problem = read_attributes(entry, where, attributes)) return problem;
  if (auto problem = read_v1_length(entry, where, attributes.symlink, file.length)) return problem;
  set_attributes(attributes, file);
  Elements elements;
  const auto path = v1_path(entry);
  file.path = out_->name_;
  if (path) {
    if (auto problem = read_elements(*path, where + ": path", elements)) return problem;
    file.pad = file.pad || is_bitcomet_pad(elements);
    Elements others;  // in a local encoding; may be as wrong as it likes
    const auto plain = entry.find_list("path");
    if (!plain || read_elements(*plain, where, others) || others == elements) others.clear();
    append_path(file, elements, others);
  } else if (file.pad) {  // BEP 47: a pad needs no path
    file.path += fmt::format("/.pad/{}", file.length);
  } else {
    return metainfo_error(Errc::invalid_name, where + " has no path");
  }
  return add_file(std::move(file));
}

Problem MetainfoParser::read_v1_length(bencode::Node entry, const std::string& where, bool optional,
                                       std::uint64_t& out) {
  const auto value = entry.find("length");
  if (!value && optional) return {};
  const auto length = value ? value->integer() : std::nullopt;
  if (!length) return metainfo_error(Errc::invalid_length, where + " has no length");
  if (*length < 0) return metainfo_error(Errc::invalid_length, where + ": a length below zero");
  out = static_cast<std::uint64_t>(*length);
  return {};
}

// Old creators wrote the path in a local encoding, and in UTF-8 beside it.
std::optional<bencode::Node> MetainfoParser::v1_path(bencode::Node entry) {
  const auto utf8 = entry.find_list("path.utf-8");
  return utf8 ? utf8 : entry.find("path");
}

Problem MetainfoParser::read_elements(bencode::Node list, const std::string& where, Elements& out) {
  if (list.type() != bencode::Type::list) {
    return metainfo_error(Errc::invalid_name, where + " is no list");
  }
  for (const bencode::Node item : list.items()) {
    const auto element = item.string();
    if (!element) return metainfo_error(Errc::invalid_name, where + " holds something but strings");
    out.push_back(*element);
  }
  return {};
}

Problem MetainfoParser::read_v1_pieces(bencode::Node info) {
  const auto pieces = info.find_string("pieces");
  if (!pieces) return metainfo_error(Errc::invalid_pieces, "'pieces' is no string");
  const std::size_t expected = std::size_t{out_->layout_->piece_count()} * Sha1Digest::size;
  if (pieces->size() != expected) {
    return metainfo_error(Errc::invalid_pieces,
                          fmt::format("'pieces' has {} bytes where {} pieces need {}",
                                      pieces->size(), out_->layout_->piece_count(), expected));
  }
  out_->pieces_offset_ = static_cast<std::size_t>(pieces->data() - info.raw().data());
  return {};
}

}  // namespace barter
