// MetainfoParser: the one reader of .torrent files and info dictionaries, building a Metainfo. Used
// by Metainfo::parse and from_info alone; lives as long as that call. The parts for v1, for v2 and
// for what stands around the info dictionary have a source file each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "torrent/bencode.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/text_encoding.hpp"

namespace barter {

// A step succeeded, or the error that ends the parse.
using Problem = std::optional<Error>;

Error metainfo_error(Errc code, std::string message);

class MetainfoParser {
 public:
  // `encoding`: of names that are not UTF-8, instead of what the torrent says; empty: that.
  explicit MetainfoParser(const MetainfoLimits& limits, std::string encoding = {})
      : limits_(limits), encoding_name_(std::move(encoding)) {}
  // `whole`: a .torrent file, else an info dictionary.
  Result<std::shared_ptr<const Metainfo>> run(std::string bytes, bool whole);

  static constexpr std::uint32_t max_tree_depth = 100;

 private:
  // What "attr" and "symlink path" of a file say (BEP 47).
  struct Attributes {
    bool pad = false, executable = false, hidden = false, symlink = false;
    std::vector<std::string_view> target;
  };
  struct LayerEntry {
    std::string_view root;
    std::string_view hashes;
    std::uint32_t layer = Metainfo::no_layer;  // where it was stored
    bool used = false;
  };
  using Elements = std::vector<std::string_view>;

  // metainfo_parser.cpp
  Problem read(std::string_view bytes, bool whole);
  Problem read_info(bencode::Node info);
  Problem refuse_doubles(bencode::Node dictionary);
  Problem read_versions(bencode::Node info);
  Problem read_piece_length(bencode::Node info);
  void find_encoding(bencode::Node root);
  std::string_view text(std::string_view raw);
  void read_name(bencode::Node info);
  void append_path(File& file, const Elements& elements, const Elements& others);
  void keep_raw_paths(const File& file, const Elements& elements, const Elements& others);
  void make_names_unique();
  void read_private(bencode::Node info);
  Problem finish_layout();
  Problem add_file(File file);
  Problem read_attributes(bencode::Node properties, const std::string& where, Attributes& out);
  void set_attributes(const Attributes& attributes, File& file);
  void warn(std::string text);

  // metainfo_outer.cpp: what stands around the info dictionary, none of it worth refusing a torrent
  void read_outer(bencode::Node root);
  void read_trackers(bencode::Node root);
  void read_web_seeds(bencode::Node root);
  void read_nodes(bencode::Node root);
  void read_collections(bencode::Node holder);

  // metainfo_v1.cpp
  Problem read_v1(bencode::Node info);
  Problem read_v1_file(bencode::Node entry, std::size_t number);
  Problem read_v1_length(bencode::Node entry, const std::string& where, bool optional,
                         std::uint64_t& out);
  Problem read_v1_pieces(bencode::Node info);
  static Problem read_elements(bencode::Node list, const std::string& where, Elements& out);
  static std::optional<bencode::Node> v1_path(bencode::Node entry);

  // metainfo_v2.cpp
  Problem read_v2(bencode::Node info);
  template <class Visit>
  Problem walk_tree(bencode::Node tree, Visit visit);
  struct TreeFile {
    std::uint64_t length = 0;
    std::optional<Sha256Digest> root;
    Attributes attributes;
  };
  Problem read_tree_file(bencode::Node properties, const Elements& path, TreeFile& out);
  Problem add_v2_file(const Elements& path, const TreeFile& tree_file);
  Problem match_hybrid(bencode::Node info, bencode::Node tree);
  void number_pieces();
  Problem read_piece_layers(bencode::Node root);
  Problem take_layer(Metainfo::PieceFile& place, std::vector<LayerEntry>& entries);

  const MetainfoLimits limits_;
  std::string encoding_name_;
  std::optional<TextEncoding> encoding_;
  std::deque<std::string> converted_;  // names, while they are read
  bool undecoded_ = false;             // some name is neither UTF-8 nor in that encoding
  std::shared_ptr<Metainfo> out_;
  std::vector<FileSpan> spans_;
  std::vector<std::string_view> raw_names_;  // of the torrent: one, or in UTF-8 and otherwise
  std::size_t cleaned_ = 0;                  // files whose paths are not what the torrent says
  std::uint64_t total_ = 0;
  std::uint32_t piece_length_ = 0;
  bool v1_ = false, v2_ = false;
  std::size_t info_begin_ = 0, info_size_ = 0;
  std::size_t bad_links_ = 0;
};

}  // namespace barter
