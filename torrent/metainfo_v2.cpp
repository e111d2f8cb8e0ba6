// The v2 side of MetainfoParser: the file tree, its agreement with v1,
// and the piece layers (BEP 52).
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "torrent/escape.hpp"
#include "torrent/file_name.hpp"
#include "torrent/merkle.hpp"
#include "torrent/metainfo_parser.hpp"

namespace barter {
namespace {

std::string shown(const std::vector<std::string_view>& path) {
  constexpr std::size_t longest = 200;
  std::string out;
  for (const std::string_view element : path) {
    if (!out.empty()) out += '/';
    out += escape(element.substr(0, longest));
    if (out.size() > longest) break;
  }
  return out;
}

Error mismatch(std::string what) {
  return metainfo_error(Errc::hybrid_mismatch, "the v1 and v2 sides disagree: " + std::move(what));
}

// Does the tree hold one file and nothing else?
bool is_single_file(bencode::Node tree) {
  std::size_t count = 0;
  bool file = false;
  for (const auto& [key, value] : tree.entries()) {
    if (++count > 1) return false;
    file = value.find("").has_value();
  }
  return file;
}

}  // namespace

// Calls visit(path, properties) for each file in the order of the tree, keeping its own stack.
template <class Visit>
Problem MetainfoParser::walk_tree(bencode::Node tree, Visit visit) {
  struct Folder {
    bencode::Node::EntryRange::Iterator at, end;
  };
  std::vector<Folder> open{{tree.entries().begin(), tree.entries().end()}};
  Elements path;
  while (!open.empty()) {
    if (open.back().at == open.back().end) {
      open.pop_back();
      if (!path.empty()) path.pop_back();
      continue;
    }
    const auto [key, value] = *open.back().at;
    ++open.back().at;
    path.push_back(key);
    if (key.empty()) {
      return metainfo_error(Errc::invalid_file_tree, "file tree: an empty name in " + shown(path));
    }
    if (value.type() != bencode::Type::dictionary) {
      return metainfo_error(Errc::invalid_file_tree, "file tree: no dictionary at " + shown(path));
    }
    if (const auto properties = value.find("")) {
      if (properties->type() != bencode::Type::dictionary || value.size() != 1) {
        return metainfo_error(Errc::invalid_file_tree,
                              "file tree: both file and folder: " + shown(path));
      }
      if (auto problem = visit(path, *properties)) return problem;
      path.pop_back();
      continue;
    }
    if (open.size() == max_tree_depth) {
      return metainfo_error(Errc::invalid_file_tree,
                            fmt::format("file tree: more than {} levels", max_tree_depth));
    }
    open.push_back({value.entries().begin(), value.entries().end()});
  }
  return {};
}

Problem MetainfoParser::read_v2(bencode::Node info) {
  const auto tree = info.find_dictionary("file tree");
  if (!tree) return metainfo_error(Errc::invalid_file_tree, "no file tree");
  if (v1_) return match_hybrid(info, *tree);
  out_->multi_file_ = !is_single_file(*tree);
  std::size_t count = 0;
  return walk_tree(*tree, [&](const Elements& path, bencode::Node properties) -> Problem {
    if (count++ == limits_.files) {
      return metainfo_error(Errc::invalid_metainfo,
                            fmt::format("more than {} files", limits_.files));
    }
    TreeFile file;
    if (auto problem = read_tree_file(properties, path, file)) return problem;
    return add_v2_file(path, file);
  });
}

Problem MetainfoParser::read_tree_file(bencode::Node properties, const Elements& path,
                                       TreeFile& out) {
  const std::string where = "file tree: " + shown(path);
  if (auto problem = read_attributes(properties, where, out.attributes)) return problem;
  if (out.attributes.pad) {
    return metainfo_error(Errc::invalid_pad_file, where + ": a pad file inside the file tree");
  }
  if (auto problem = read_v1_length(properties, where, out.attributes.symlink, out.length)) {
    return problem;
  }
  if (out.length == 0) return {};
  out.root = Sha256Digest::from(properties.find_string("pieces root").value_or(""));
  if (!out.root || out.root->is_zero()) {
    return metainfo_error(Errc::missing_pieces_root, where + ": no pieces root");
  }
  return {};
}

Problem MetainfoParser::add_v2_file(const Elements& path, const TreeFile& tree_file) {
  File file;
  file.length = tree_file.length;
  file.pieces_root = tree_file.root;
  set_attributes(tree_file.attributes, file);
  if (out_->multi_file_) {
    file.path = out_->name_;
    append_path(file, path, {});
  } else {
    file.path = clean_name(text(path.front()));
    keep_raw_paths(file, path, {});
  }
  if (auto problem = add_file(std::move(file))) return problem;
  const std::uint64_t over = tree_file.length % piece_length_;
  if (over == 0) return {};
  File pad;
  pad.length = piece_length_ - over;
  pad.pad = true;
  pad.path = fmt::format("{}/.pad/{}", out_->name_, pad.length);
  return add_file(std::move(pad));
}

// Both sides must name the same files, of the same sizes, in the same order, at the same pieces.
Problem MetainfoParser::match_hybrid(bencode::Node info, bencode::Node tree) {
  std::size_t at = 0;  // in the files of v1
  const auto list = info.find_list("files");
  auto entry = list ? list->items().begin() : info.items().begin();  // stands at files_[at]
  const auto skip_pads = [&] {
    while (at < out_->files_.size() && out_->files_[at].pad) {
      ++at;
      if (list) ++entry;
    }
  };
  auto problem = walk_tree(tree, [&](const Elements& path, bencode::Node properties) -> Problem {
    TreeFile file;
    if (auto wrong = read_tree_file(properties, path, file)) return wrong;
    skip_pads();
    if (at == out_->files_.size()) return mismatch("v1 lacks " + shown(path));
    File& ours = out_->files_[at];
    Elements v1_elements, v1_target;
    if (list) {
      if (auto wrong = read_elements(*v1_path(*entry), "path", v1_elements)) return wrong;
      Attributes attributes;
      if (auto wrong = read_attributes(*entry, "files", attributes)) return wrong;
      v1_target = std::move(attributes.target);
      ++entry;
    } else {
      auto name = info.find_string("name.utf-8");
      v1_elements.push_back(name ? *name : info.find_string("name").value_or(""));
    }
    if (v1_elements != path) return mismatch("the path of " + shown(path));
    if (ours.length != file.length) return mismatch("the size of " + shown(path));
    if (list && v1_target != file.attributes.target)
      return mismatch("the target of " + shown(path));
    if (ours.length > 0 && spans_[at].offset % piece_length_ != 0) {
      return mismatch("v1 does not begin a piece with " + shown(path));
    }
    ours.pieces_root = file.root;
    ++at;
    return {};
  });
  if (problem) return problem;
  skip_pads();
  if (at != out_->files_.size()) return mismatch("v2 lacks a file of v1");
  // No pad may be longer than what its file leaves of a piece: v2 has no pieces of padding.
  std::uint64_t pieces = 0;
  for (const File& file : out_->files_) {
    if (!file.pad) pieces += (file.length + piece_length_ - 1) / piece_length_;
  }
  if (pieces != (total_ + piece_length_ - 1) / piece_length_)
    return mismatch("the number of pieces");
  return {};
}

void MetainfoParser::number_pieces() {
  const auto spans = out_->layout_->files();
  out_->has_piece_layers_ = true;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].pad || spans[i].length == 0) continue;
    const auto first = static_cast<std::uint32_t>(spans[i].offset / piece_length_);
    out_->piece_files_.push_back({first, static_cast<std::uint32_t>(i), Metainfo::no_layer});
    if (spans[i].length > piece_length_) out_->has_piece_layers_ = false;
  }
}

Problem MetainfoParser::read_piece_layers(bencode::Node root) {
  const auto layers = root.find("piece layers");
  if (!layers) return {};
  if (layers->type() != bencode::Type::dictionary) {
    return metainfo_error(Errc::invalid_piece_layer, "'piece layers' is no dictionary");
  }
  std::vector<LayerEntry> entries;
  for (const auto& [key, value] : layers->entries()) {
    const auto hashes = value.string();
    if (key.size() != Sha256Digest::size || !hashes) {
      return metainfo_error(Errc::invalid_piece_layer, "piece layers: not a root and its hashes");
    }
    entries.push_back({key, *hashes, Metainfo::no_layer, false});
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const LayerEntry& a, const LayerEntry& b) { return a.root < b.root; });
  out_->has_piece_layers_ = true;
  for (Metainfo::PieceFile& place : out_->piece_files_) {
    if (auto problem = take_layer(place, entries)) return problem;
  }
  if (!std::all_of(entries.begin(), entries.end(), [](const LayerEntry& e) { return e.used; })) {
    return metainfo_error(Errc::invalid_piece_layer, "piece layers: one belongs to no file");
  }
  if (!out_->has_piece_layers_) warn("some piece layers are missing");
  return {};
}

Problem MetainfoParser::take_layer(Metainfo::PieceFile& place, std::vector<LayerEntry>& entries) {
  const File& file = out_->files_[place.file];
  const std::uint64_t pieces = (file.length - 1) / piece_length_ + 1;
  const auto entry = std::lower_bound(
      entries.begin(), entries.end(), file.pieces_root->view(),
      [](const LayerEntry& left, std::string_view root) { return left.root < root; });
  if (entry == entries.end() || entry->root != file.pieces_root->view()) {
    if (pieces > 1) out_->has_piece_layers_ = false;
    return {};
  }
  if (entry->hashes.size() != pieces * Sha256Digest::size) {
    return metainfo_error(Errc::invalid_piece_layer,
                          fmt::format("piece layers: {} bytes for {} pieces of {}",
                                      entry->hashes.size(), pieces, escape(file.path)));
  }
  entry->used = true;
  if (entry->layer == Metainfo::no_layer) {
    const std::size_t begin = out_->layers_.size();
    out_->layers_.resize(begin + static_cast<std::size_t>(pieces));
    const auto layer = std::span(out_->layers_).subspan(begin);
    std::memcpy(layer.data(), entry->hashes.data(), entry->hashes.size());
    if (layer_root(layer, piece_length_) != *file.pieces_root) {
      return metainfo_error(Errc::invalid_piece_layer,
                            "piece layers: not those of " + escape(file.path));
    }
    entry->layer = static_cast<std::uint32_t>(begin);
  }
  if (pieces > 1) place.layer = entry->layer;
  return {};
}

}  // namespace barter
