// Metainfo: the contents of a .torrent (BEP 3, 12, 19, 27, 47, 52), parsed and checked once.
// Immutable and shared (std::shared_ptr<const Metainfo>); v1, v2 and hybrid torrents are held by
// the same types. The info dictionary is kept as received: the info-hash is over those bytes, never
// over a re-encoding.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/layout.hpp"
#include "torrent/result.hpp"

namespace barter {

struct MetainfoLimits {
  std::size_t bytes = 32 << 20;  // the file itself
  std::size_t files = 500'000;
  std::uint32_t pieces = 4 << 20;
  std::uint32_t depth = 32;  // of bencoding, besides the 100 levels that a file tree may have
  std::uint32_t piece_length = 536'854'528;  // v1; v2 allows powers of two up to 512 MiB
};

struct File {
  // Cleaned and relative to the download folder, '/' between elements, the torrent's name first for
  // multi-file torrents. Never absolute, never "..", each element valid UTF-8 of at most 255 bytes,
  // unique among the files that are no pads, and none of those is the folder of another.
  std::string path;
  std::uint64_t length = 0;    // bytes
  bool pad = false;            // BEP 47 "p", or the implicit alignment of v2
  bool executable = false;     // BEP 47 "x"
  bool hidden = false;         // BEP 47 "h"
  std::string symlink_target;  // BEP 47 "l": cleaned path below the root; empty if none
  std::optional<Sha256Digest> pieces_root;  // v2, absent for empty files
};

// One parsed torrent. All members but the accessors' results are private to keep it immutable.
class Metainfo {
 public:
  // A whole .torrent file.
  static Result<std::shared_ptr<const Metainfo>> parse(std::string torrent,
                                                       const MetainfoLimits& limits = {});
  // An info dictionary alone, as it comes by BEP 9.
  static Result<std::shared_ptr<const Metainfo>> from_info(std::string info,
                                                           const MetainfoLimits& limits = {});
  // Reads and parses; the error names the path.
  static Result<std::shared_ptr<const Metainfo>> load(const std::string& path,
                                                      const MetainfoLimits& limits = {});

  // The same torrent with its names read in this encoding (TextEncoding) where they are not UTF-8,
  // whatever it says of itself.
  Result<std::shared_ptr<const Metainfo>> with_encoding(const std::string& encoding) const;

  const std::string& name() const { return name_; }  // cleaned; one path element
  const InfoHash& info_hash() const { return info_hash_; }
  std::string_view info_bytes() const { return info_; }  // as received
  const Layout& layout() const { return *layout_; }
  const std::vector<File>& files() const { return files_; }  // in the order of layout().files()
  // What the torrent says where File::path is not just that: its bytes, joined by '/', the
  // torrent's name first for multi-file torrents. Only to look for files that others have made:
  // not all of it is UTF-8 or shows. As safe as a path: never absolute, no "." or "..", at most
  // 255 bytes an element. The best comes first; mostly empty.
  std::span<const std::string> raw_paths(std::size_t file) const;
  bool multi_file() const { return multi_file_; }
  std::uint32_t first_real_file() const;  // no pad; the only one where it is no multi_file()
  // Bytes of real files: the layout's size less the pads.
  std::uint64_t content_size() const { return content_size_; }

  bool has_v1() const { return info_hash_.v1.has_value(); }
  bool has_v2() const { return info_hash_.v2.has_value(); }
  Sha1Digest piece_hash_v1(PieceIndex piece) const;  // requires has_v1()
  // The root of a piece's subtree (v2): from the piece layer, or the file's root when the file fits
  // in one piece. Nothing where the torrent came without piece layers, and for a piece of padding.
  std::optional<Sha256Digest> piece_hash_v2(PieceIndex piece) const;
  // All piece layers are known (true where no file needs one).
  bool has_piece_layers() const { return has_piece_layers_; }
  // The piece layer of a file (v2): empty if unknown, or if the file fits in one piece.
  std::span<const Sha256Digest> piece_layer(std::size_t file) const;
  // The `piece layers` dictionary for a .torrent file, bencoded.
  std::string encode_piece_layers() const;

  bool is_private() const { return private_; }
  const std::string& source() const { return source_; }  // "source" of the info dictionary
  const std::string& comment() const { return comment_; }
  const std::string& created_by() const { return created_by_; }
  std::optional<std::int64_t> creation_date() const { return creation_date_; }  // Unix seconds
  // Tiers of announce URLs (BEP 12); "announce" alone is one tier. Texts as given, not yet URLs.
  const std::vector<std::vector<std::string>>& trackers() const { return trackers_; }
  const std::vector<std::string>& web_seeds() const { return web_seeds_; }      // BEP 19
  const std::vector<HostPort>& dht_nodes() const { return dht_nodes_; }         // BEP 5
  const std::vector<std::string>& collections() const { return collections_; }  // BEP 38
  // Remarks about odd but accepted contents, one line each, for `show`.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  friend class MetainfoParser;
  Metainfo() = default;

  std::string info_;
  std::string name_;
  InfoHash info_hash_;
  std::optional<Layout> layout_;
  std::vector<File> files_;
  std::map<std::size_t, std::vector<std::string>> raw_paths_;  // by file
  bool multi_file_ = false;
  std::uint64_t content_size_ = 0;
  std::size_t pieces_offset_ = 0;  // of the v1 "pieces" string within info_
  // v2: the non-empty files in the order of their pieces, and where their layers begin in layers_.
  struct PieceFile {
    std::uint32_t first_piece;
    std::uint32_t file;
    std::uint32_t layer;  // no_layer if there is none
  };
  static constexpr std::uint32_t no_layer = 0xffffffff;
  std::vector<PieceFile> piece_files_;
  std::vector<Sha256Digest> layers_;
  bool has_piece_layers_ = false;
  bool private_ = false;
  std::string source_, comment_, created_by_;
  std::optional<std::int64_t> creation_date_;
  std::vector<std::vector<std::string>> trackers_;
  std::vector<std::string> web_seeds_;
  std::vector<HostPort> dht_nodes_;
  std::vector<std::string> collections_;
  std::vector<std::string> warnings_;
};

}  // namespace barter
