#include "torrent/metainfo_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "torrent/escape.hpp"
#include "torrent/file_name.hpp"
#include "torrent/other_format.hpp"
#include "torrent/sha.hpp"
#include "torrent/utf8.hpp"

namespace barter {
namespace {

constexpr std::uint32_t max_v2_piece_length = 512 << 20;
constexpr std::size_t max_warnings = 20;

}  // namespace

Error metainfo_error(Errc code, std::string message) {
  return Error{code, "torrent: " + std::move(message)};
}

Result<std::shared_ptr<const Metainfo>> MetainfoParser::run(std::string bytes, bool whole) {
  out_ = std::shared_ptr<Metainfo>(new Metainfo);
  if (auto problem = read(bytes, whole)) return std::move(*problem);
  // The rest of the file is not needed any more, and the dictionary need not be copied.
  bytes.resize(info_begin_ + info_size_);
  bytes.erase(0, info_begin_);
  out_->info_ = std::move(bytes);
  return std::shared_ptr<const Metainfo>(std::move(out_));
}

Problem MetainfoParser::read(std::string_view bytes, bool whole) {
  bencode::Limits limits;
  limits.bytes = limits_.bytes;
  limits.depth = limits_.depth + max_tree_depth;
  // Torrents with a line feed at their end exist; in an info dictionary its hash would cover it.
  const auto document =
      whole ? bencode::parse_prefix(bytes, limits) : bencode::parse(bytes, limits);
  if (!document) {
    const auto what = whole ? other_format(bytes) : std::nullopt;
    if (!what) return document.error();
    return Error{document.error().code, fmt::format("this is {}, not a torrent", *what)};
  }
  const bencode::Node root = document->root();
  if (root.type() != bencode::Type::dictionary) {
    return metainfo_error(Errc::not_a_dictionary, "the top level is no dictionary");
  }
  find_encoding(root);
  if (!whole) return read_info(root);
  if (auto problem = refuse_doubles(root)) return problem;
  const auto info = root.find_dictionary("info");
  if (!info) return metainfo_error(Errc::invalid_metainfo, "no info dictionary");
  if (auto problem = read_info(*info)) return problem;
  if (v2_) {
    if (auto problem = read_piece_layers(root)) return problem;
  }
  read_outer(root);
  if (document->consumed() < bytes.size()) {
    warn(fmt::format("{} bytes after the end are ignored", bytes.size() - document->consumed()));
  }
  return {};
}

Problem MetainfoParser::read_info(bencode::Node info) {
  info_begin_ = info.offset();
  info_size_ = info.raw().size();
  if (auto problem = refuse_doubles(info)) return problem;
  if (auto problem = read_versions(info)) return problem;
  if (v1_) out_->info_hash_.v1 = sha1(as_bytes(info.raw()));
  if (v2_) out_->info_hash_.v2 = sha256(as_bytes(info.raw()));
  if (auto problem = read_piece_length(info)) return problem;
  read_name(info);
  if (v1_) {
    if (auto problem = read_v1(info)) return problem;
  }
  if (v2_) {
    if (auto problem = read_v2(info)) return problem;
  }
  if (auto problem = finish_layout()) return problem;
  if (v1_) {
    if (auto problem = read_v1_pieces(info)) return problem;
  }
  if (v2_) number_pieces();
  make_names_unique();
  read_private(info);
  out_->source_ = info.find_string("source").value_or("");
  read_collections(info);
  return {};
}

// Where a key stands twice, clients disagree about which one counts.
Problem MetainfoParser::refuse_doubles(bencode::Node dictionary) {
  static constexpr std::string_view keys[] = {
      "file tree", "files",        "info",         "length", "meta version",
      "name",      "piece layers", "piece length", "pieces", "private"};
  bool seen[std::size(keys)] = {};
  for (const auto& [key, value] : dictionary.entries()) {
    const auto* known = std::find(std::begin(keys), std::end(keys), key);
    if (known == std::end(keys)) continue;
    if (std::exchange(seen[known - std::begin(keys)], true)) {
      return metainfo_error(key == "pieces" ? Errc::invalid_pieces : Errc::invalid_metainfo,
                            fmt::format("'{}' is given twice", key));
    }
  }
  return {};
}

Problem MetainfoParser::read_versions(bencode::Node info) {
  // BEP 52 wants this looked at before anything else.
  if (const auto version = info.find("meta version")) {
    const auto number = version->integer();
    if (!number) return metainfo_error(Errc::invalid_metainfo, "'meta version' is no integer");
    if (*number > 2) {
      return metainfo_error(Errc::unsupported,
                            fmt::format("version {} is newer than this program", *number));
    }
    v2_ = *number == 2;
  }
  v1_ = info.find("pieces").has_value();
  if (v2_) {
    bencode::Limits limits;
    limits.bytes = limits_.bytes;
    limits.depth = limits_.depth + max_tree_depth;
    limits.strict = true;
    const auto strict = bencode::parse(info.raw(), limits);
    if (!strict) {
      return metainfo_error(Errc::invalid_bencoding, "info dictionary: " + strict.error().message);
    }
    return {};
  }
  if (v1_) return {};
  if (info.find("root hash")) {
    return metainfo_error(Errc::unsupported, "Merkle torrents of BEP 30 are not supported");
  }
  return metainfo_error(Errc::invalid_pieces, "no piece hashes");
}

Problem MetainfoParser::read_piece_length(bencode::Node info) {
  const auto length = info.find_integer("piece length");
  if (!length) return metainfo_error(Errc::missing_piece_length, "no piece length");
  const std::int64_t limit = v2_ ? max_v2_piece_length : limits_.piece_length;
  if (*length < 1 || *length > limit) {
    return metainfo_error(
        Errc::missing_piece_length,
        fmt::format("a piece length of {} is not within 1 and {}", *length, limit));
  }
  piece_length_ = static_cast<std::uint32_t>(*length);
  if (v2_ && (piece_length_ < block_length || !std::has_single_bit(piece_length_))) {
    return metainfo_error(
        Errc::missing_piece_length,
        fmt::format("a piece length of {} is no power of two of at least 16 KiB", *length));
  }
  return {};
}

// What a torrent says of its encoding is often wrong: it counts only where names are not UTF-8.
void MetainfoParser::find_encoding(bencode::Node root) {
  if (encoding_name_.empty()) encoding_name_ = root.find_string("encoding").value_or("");
  encoding_ = TextEncoding::find(encoding_name_);
  if (encoding_) return;
  if (const auto page = root.find_integer("codepage")) {
    encoding_ = TextEncoding::find(fmt::format("{}", *page));
  }
}

// A name in UTF-8, if that can be had.
std::string_view MetainfoParser::text(std::string_view raw) {
  if (is_utf8(raw)) return raw;
  auto converted = encoding_ ? encoding_->to_utf8(raw) : std::nullopt;
  if (!converted) {
    undecoded_ = true;
    return raw;
  }
  return converted_.emplace_back(std::move(*converted));
}

void MetainfoParser::read_name(bencode::Node info) {
  const auto utf8 = info.find_string("name.utf-8");
  const auto plain = info.find_string("name");
  if (utf8) raw_names_.push_back(*utf8);
  if (plain && plain != utf8) raw_names_.push_back(*plain);
  const std::string_view name = raw_names_.empty() ? std::string_view() : text(raw_names_.front());
  out_->name_ = clean_torrent_name(name);
  if (out_->name_.empty()) {
    out_->name_ = to_hex(out_->info_hash_.wire());
    warn("the torrent has no usable name; it is called by its info-hash");
  } else if (out_->name_ != name) {
    warn("the torrent's name was cleaned");
  }
}

// Whoever has the files may have them under the names that the torrent
// says. `others`: the same path in another encoding, or empty.
void MetainfoParser::keep_raw_paths(const File& file, const Elements& elements,
                                    const Elements& others) {
  if (file.pad) return;
  std::vector<std::string> raw;
  for (std::size_t i = 0; i < 2; ++i) {
    Elements whole;
    if (out_->multi_file_) {
      if (raw_names_.empty()) return;
      whole.push_back(i == 0 ? raw_names_.front() : raw_names_.back());
    }
    const Elements& rest = i == 1 && !others.empty() ? others : elements;
    whole.insert(whole.end(), rest.begin(), rest.end());
    auto path = raw_path(whole);
    if (!path || *path == file.path) continue;
    if (std::find(raw.begin(), raw.end(), *path) == raw.end()) raw.push_back(std::move(*path));
  }
  if (!raw.empty()) out_->raw_paths_.emplace(out_->files_.size(), std::move(raw));
}

void MetainfoParser::append_path(File& file, const Elements& elements, const Elements& others) {
  const std::size_t begin = file.path.size();
  const std::size_t converted = converted_.size();
  Elements readable;
  for (const std::string_view element : elements) readable.push_back(text(element));
  append_clean_path(file.path, readable);
  std::string_view ours = std::string_view(file.path).substr(begin);
  bool same = true;
  for (const std::string_view element : readable) {
    same = same && ours.starts_with('/') && ours.substr(1).starts_with(element);
    if (same) ours.remove_prefix(1 + element.size());
  }
  same = same && ours.empty();
  if (!file.pad && !same) ++cleaned_;
  const bool decoded = converted_.size() > converted;
  converted_.resize(converted);
  if (!same || decoded || !others.empty() || raw_names_.size() != 1 ||
      raw_names_.front() != out_->name_) {
    keep_raw_paths(file, elements, others);
  }
}

Problem MetainfoParser::add_file(File file) {
  if (out_->files_.size() >= 2 * limits_.files) {  // as many implicit pads as files may come in v2
    return metainfo_error(Errc::invalid_metainfo, fmt::format("more than {} files", limits_.files));
  }
  if (file.length > std::uint64_t{limits_.pieces} * piece_length_ - total_) {
    return metainfo_error(Errc::too_many_pieces,
                          fmt::format("more than {} pieces", limits_.pieces));
  }
  spans_.push_back({total_, file.length, file.pad});
  total_ += file.length;
  if (!file.pad) out_->content_size_ += file.length;
  out_->files_.push_back(std::move(file));
  return {};
}

Problem MetainfoParser::finish_layout() {
  if (total_ == 0) return metainfo_error(Errc::invalid_length, "the torrent holds no byte");
  out_->layout_.emplace(piece_length_, std::move(spans_), v2_ && !v1_);
  return {};
}

void MetainfoParser::make_names_unique() {
  std::vector<std::string*> paths;
  paths.reserve(out_->files_.size());
  for (File& file : out_->files_) {
    if (!file.pad) paths.push_back(&file.path);  // pads are never stored
  }
  if (cleaned_ > 0) {
    warn(
        fmt::format("the name{} of {} file{} cleaned: the torrent has characters there that do not "
                    "show, or that cannot be kept",
                    cleaned_ == 1 ? "" : "s", cleaned_, cleaned_ == 1 ? " was" : "s were"));
  }
  if (undecoded_) {
    warn(fmt::format(
        "some names are not UTF-8{}; --encoding NAME says what they are in",
        encoding_name_.empty() ? std::string() : ", nor " + escape(encoding_name_.substr(0, 40))));
  }
  const std::size_t renamed = make_paths_unique(paths);
  if (renamed > 0) {
    warn(fmt::format("{} file{} renamed: others have the same path", renamed,
                     renamed == 1 ? " was" : "s were"));
  }
  if (bad_links_ > 0) {
    warn(fmt::format("{} symbolic link{} no target, or contents: taken for plain files", bad_links_,
                     bad_links_ == 1 ? " has" : "s have"));
  }
}

void MetainfoParser::read_private(bencode::Node info) {
  const auto value = info.find("private");
  if (!value) return;
  const auto number = value->integer();
  if (!number) warn("'private' is no integer and ignored");
  out_->private_ = number.value_or(0) != 0;
}

Problem MetainfoParser::read_attributes(bencode::Node properties, const std::string& where,
                                        Attributes& out) {
  const std::string_view flags = properties.find_string("attr").value_or("");
  for (const char flag : flags) {
    out.pad = out.pad || flag == 'p';
    out.executable = out.executable || flag == 'x';
    out.hidden = out.hidden || flag == 'h';
    out.symlink = out.symlink || flag == 'l';
  }
  if (!out.symlink) return {};
  const auto target = properties.find_list("symlink path");
  if (!target) return {};
  return read_elements(*target, where + ": symlink path", out.target);
}

void MetainfoParser::set_attributes(const Attributes& attributes, File& file) {
  file.pad = attributes.pad;
  file.executable = attributes.executable;
  file.hidden = attributes.hidden;
  if (!attributes.symlink || attributes.pad) return;
  if (attributes.target.empty() || file.length > 0) {
    ++bad_links_;
    return;
  }
  file.symlink_target = out_->name_;
  Elements target;
  for (const std::string_view element : attributes.target) target.push_back(text(element));
  append_clean_path(file.symlink_target, target);
}

void MetainfoParser::warn(std::string text) {
  if (out_->warnings_.size() < max_warnings) out_->warnings_.push_back(std::move(text));
}

}  // namespace barter
