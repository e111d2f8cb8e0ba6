#include "torrent/create.hpp"

#include "torrent/bencode.hpp"
#include "torrent/file_name.hpp"
#include "torrent/hash_files.hpp"
#include "torrent/hash_stream.hpp"
#include "torrent/merkle.hpp"
#include "torrent/utf8.hpp"
#include "torrent/write_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <utility>

namespace barter {
namespace {

constexpr std::uint32_t shortest_piece = block_length;
constexpr unsigned longest_default_power = 24;  // 16 MiB
constexpr std::uint32_t longest_v2_piece = 512 << 20;
constexpr std::uint32_t stream_piece_length = 1 << 20;

bool has_v1(TorrentVersion version) {
  return version != TorrentVersion::v2;
}
bool has_v2(TorrentVersion version) {
  return version != TorrentVersion::v1;
}

// The byte range of the torrent: the walked files, with pads between them where v2 needs them.
struct Range {
  static constexpr auto pad = static_cast<std::size_t>(-1);
  std::vector<FileSpan> spans;
  std::vector<std::size_t> walked;  // by span: which file of the walk, or `pad`
};

Range lay_out(const Walk& walk, TorrentVersion version, std::uint32_t piece_length) {
  Range out;
  std::uint64_t offset = 0;
  const auto add = [&](std::uint64_t length, std::size_t walked) {
    out.spans.push_back({offset, length, walked == Range::pad});
    out.walked.push_back(walked);
    offset += length;
  };
  for (std::size_t i = 0; i < walk.files.size(); ++i) {
    const std::uint64_t size = walk.files[i].stamp.size;
    // A pad stands before the file that needs it, so that none ends the torrent (BEP 52).
    if (has_v2(version) && size > 0 && offset % piece_length != 0) {
      add(piece_length - offset % piece_length, Range::pad);
    }
    add(size, i);
  }
  return out;
}

std::uint64_t count_pieces(const Walk& walk, TorrentVersion version, std::uint64_t piece_length) {
  if (!has_v2(version)) return (walk.total_size + piece_length - 1) / piece_length;
  std::uint64_t pieces = 0;
  for (const WalkedFile& file : walk.files) {
    pieces += (file.stamp.size + piece_length - 1) / piece_length;
  }
  return pieces;
}

// A torrent that we would not read back is refused before hours are spent on hashing.
Result<void> check_size(const CreatePlan& plan, TorrentVersion version) {
  const MetainfoLimits limits;
  const std::uint64_t pieces = count_pieces(plan.walk, version, plan.piece_length);
  std::uint64_t bytes = pieces * ((has_v1(version) ? 20u : 0u) + (has_v2(version) ? 32u : 0u));
  for (const WalkedFile& file : plan.walk.files) {
    for (const std::string& element : file.path) bytes += element.size() + 8;
    bytes += has_v2(version) ? 120 : 40;
  }
  if (pieces <= limits.pieces && bytes <= limits.bytes) return {};
  return Error{
      Errc::too_many_pieces,
      fmt::format("{} pieces of {} bytes in {} files make a torrent too large to be read "
                  "(at most {} pieces and {} bytes); choose a longer piece length",
                  pieces, plan.piece_length, plan.walk.files.size(), limits.pieces, limits.bytes)};
}

Result<void> check_name(const std::string& name) {
  std::string_view why;
  if (name.empty() || name == "." || name == "..") {
    why = "is no name for a torrent";
  } else if (name.find('/') != std::string::npos) {
    why = "a name holds no slash";
  } else if (name.find('\0') != std::string::npos || !is_utf8(name)) {
    why = "the name is not UTF-8";
  } else if (name.size() > 255) {
    why = "the name is longer than 255 bytes";
  } else if (const auto fault = name_fault(name); !fault.empty()) {
    why = fault;
  }
  if (why.empty()) return {};
  return Error{
      Errc::invalid_name,
      fmt::format("'{}': {}; give another one with --name, or with --replace-names", name, why)};
}

// What hashing found. Threads write to different places of it.
struct Hashes {
  std::string v1;                // 20 bytes a piece
  std::vector<Sha256Digest> v2;  // by piece
};

// A file of the walk in v2: its root, and its piece layer if it is longer than a piece.
struct FileTree {
  Sha256Digest root;
  std::string layer;
};

class TorrentWriter {
 public:
  TorrentWriter(const CreatePlan& plan, const CreateOptions& options, const Range& range,
                const Layout& layout, Hashes hashes)
      : plan_(plan),
        options_(options),
        version_(options.version),
        range_(range),
        hashes_(std::move(hashes)),
        single_(plan.walk.single_file) {
    if (has_v2(version_)) grow_trees(layout);
  }

  std::string write() {
    write_before_info();
    out_.key("info");
    write_info();
    if (has_v2(version_)) write_piece_layers();
    if (options_.web_seeds.size() == 1) {
      out_.key("url-list").string(options_.web_seeds[0]);
    } else if (!options_.web_seeds.empty()) {
      out_.key("url-list").begin_list();
      for (const std::string& url : options_.web_seeds) out_.string(url);
      out_.end();
    }
    return out_.end().take();
  }

 private:
  void grow_trees(const Layout& layout) {
    trees_.resize(plan_.walk.files.size());
    for (std::size_t i = 0; i < range_.spans.size(); ++i) {
      const auto pieces = layout.pieces_of(i);
      if (range_.walked[i] == Range::pad || !pieces) continue;
      FileTree& tree = trees_[range_.walked[i]];
      const std::uint32_t first = to_number(pieces->first), last = to_number(pieces->last);
      if (first == last) {
        tree.root = hashes_.v2[first];
        continue;
      }
      const auto layer = std::span(hashes_.v2).subspan(first, last - first + 1);
      for (const Sha256Digest& node : layer) tree.layer += node.view();
      tree.root = layer_root(layer, plan_.piece_length);
    }
  }

  void write_before_info() {
    out_.begin_dictionary();
    const auto& tiers = options_.trackers;
    if (!tiers.empty()) out_.key("announce").string(tiers[0][0]);
    if (tiers.size() > 1 || (tiers.size() == 1 && tiers[0].size() > 1)) {
      out_.key("announce-list").begin_list();
      for (const auto& tier : tiers) {
        out_.begin_list();
        for (const std::string& url : tier) out_.string(url);
        out_.end();
      }
      out_.end();
    }
    if (!options_.comment.empty()) out_.key("comment").string(options_.comment);
    if (!options_.created_by.empty()) out_.key("created by").string(options_.created_by);
    if (options_.creation_date) out_.key("creation date").integer(*options_.creation_date);
  }

  void write_info() {
    out_.begin_dictionary();
    const bool v1 = has_v1(version_);
    if (v1 && single_) write_attributes(plan_.walk.files[0]);
    if (has_v2(version_)) write_file_tree();
    if (v1 && !single_) write_file_list();
    if (v1 && single_) out_.key("length").integer(length(plan_.walk.files[0].stamp.size));
    if (has_v2(version_)) out_.key("meta version").integer(2);
    out_.key("name").string(plan_.name);
    out_.key("piece length").integer(plan_.piece_length);
    if (v1) out_.key("pieces").string(hashes_.v1);
    if (options_.is_private) out_.key("private").integer(1);
    if (!options_.source.empty()) out_.key("source").string(options_.source);
    out_.end();
  }

  static std::int64_t length(std::uint64_t bytes) { return static_cast<std::int64_t>(bytes); }

  void write_attributes(const WalkedFile& file) {
    using Attributes = CreateOptions::Attributes;
    if (options_.attributes == Attributes::none) return;
    std::string attributes;
    const std::string& name = file.path.empty() ? plan_.name : file.path.back();
    if (options_.attributes == Attributes::all && name.starts_with('.')) attributes += 'h';
    if (file.executable) attributes += 'x';
    if (!attributes.empty()) out_.key("attr").string(attributes);
  }

  // A name that no folder of the torrent has.
  std::string pad_folder() const {
    std::string name = ".pad";
    for (const WalkedFile& file : plan_.walk.files) {
      while (!file.path.empty() && file.path[0] == name) name += '_';
    }
    return name;
  }

  void write_file_list() {
    out_.key("files").begin_list();
    // Counted, not called by their length as elsewhere: rtorrent opens no torrent in which two
    // files have one path.
    const std::string folder = pad_folder();
    std::size_t pads = 0;
    for (std::size_t i = 0; i < range_.spans.size(); ++i) {
      out_.begin_dictionary();
      if (range_.walked[i] == Range::pad) {
        const std::int64_t bytes = length(range_.spans[i].length);
        out_.key("attr").string("p").key("length").integer(bytes);
        out_.key("path").begin_list().string(folder).string(fmt::format("{}", pads++)).end();
      } else {
        const WalkedFile& file = plan_.walk.files[range_.walked[i]];
        write_attributes(file);
        out_.key("length").integer(length(file.stamp.size)).key("path").begin_list();
        for (const std::string& element : file.path) out_.string(element);
        out_.end();
      }
      out_.end();
    }
    out_.end();
  }

  void write_leaf(std::size_t index) {
    const WalkedFile& file = plan_.walk.files[index];
    out_.begin_dictionary().key("").begin_dictionary();
    write_attributes(file);
    out_.key("length").integer(length(file.stamp.size));
    if (file.stamp.size > 0) out_.key("pieces root").string(trees_[index].root.view());
    out_.end().end();
  }

  // The walk is in the order of the tree: a folder is open until a path leaves it.
  void write_file_tree() {
    out_.key("file tree").begin_dictionary();
    if (single_) {
      out_.key(plan_.name);
      write_leaf(0);
      out_.end();
      return;
    }
    std::vector<std::string> open;
    for (std::size_t i = 0; i < plan_.walk.files.size(); ++i) {
      const std::vector<std::string>& path = plan_.walk.files[i].path;
      const auto folders = static_cast<std::ptrdiff_t>(path.size()) - 1;
      const auto [mine, theirs] =
          std::mismatch(path.begin(), path.begin() + folders, open.begin(), open.end());
      for (auto it = theirs; it != open.end(); ++it) out_.end();
      open.erase(theirs, open.end());
      for (auto it = mine; it != path.begin() + folders; ++it) {
        out_.key(*it).begin_dictionary();
        open.push_back(*it);
      }
      out_.key(path.back());
      write_leaf(i);
    }
    for (std::size_t i = 0; i < open.size(); ++i) out_.end();
    out_.end();
  }

  void write_piece_layers() {
    // By root: files of equal contents share an entry.
    std::map<std::string_view, std::string_view> layers;
    for (const FileTree& tree : trees_) {
      if (!tree.layer.empty()) layers.emplace(tree.root.view(), tree.layer);
    }
    out_.key("piece layers").begin_dictionary();
    for (const auto& [root, layer] : layers) out_.key(root).string(layer);
    out_.end();
  }

  const CreatePlan& plan_;
  const CreateOptions& options_;
  const TorrentVersion version_;
  const Range& range_;
  const Hashes hashes_;
  const bool single_;
  std::vector<FileTree> trees_;  // v2: by file of the walk
  bencode::Writer out_;
};

Result<CreatedTorrent> finish(const CreatePlan& plan, const CreateOptions& options,
                              const Range& range, const Layout& layout, Hashes hashes) {
  CreatedTorrent out;
  out.bytes = TorrentWriter(plan, options, range, layout, std::move(hashes)).write();
  auto metainfo = Metainfo::parse(out.bytes);
  if (!metainfo) {
    return Error{metainfo.error().code, fmt::format("{}: cannot be described by a torrent: {}",
                                                    plan.name, metainfo.error().message)};
  }
  out.metainfo = std::move(*metainfo);
  return out;
}

// Files without a byte are not read; but they too must still be what they were.
Result<void> check_empty_files(const Walk& walk) {
  for (const WalkedFile& file : walk.files) {
    if (file.stamp.size > 0) continue;
    struct stat status {};
    if (stat(file.source.c_str(), &status) != 0) return system_error(file.source, errno);
    if (SourceStamp::of(status) != file.stamp) {
      return Error{Errc::file_changed, fmt::format("{}: changed while it was read", file.source)};
    }
  }
  return {};
}

}  // namespace

std::uint32_t default_piece_length(std::uint64_t bytes) {
  if (bytes == 0) return shortest_piece;
  // round(log2(bytes)): the next power if bytes * bytes reaches that of the half way, 2^(2 k + 1).
  const auto floor = static_cast<unsigned>(std::bit_width(bytes)) - 1;
  __extension__ using Wide = unsigned __int128;
  const bool up = Wide{bytes} * bytes >= Wide{1} << (2 * floor + 1);
  const unsigned power = floor + (up ? 1 : 0);
  if (power < 24) return shortest_piece;
  return std::uint32_t{1} << std::min(power - 10, longest_default_power);
}

Result<void> check_piece_length(std::uint64_t bytes, TorrentVersion version) {
  const std::uint64_t longest = has_v2(version) ? longest_v2_piece : MetainfoLimits{}.piece_length;
  std::string_view why;
  if (bytes < shortest_piece || bytes > longest) {
    why = has_v2(version) ? "must be from 16 KiB to 512 MiB"
                          : "must be from 16 KiB to 512 MiB less 16 KiB";
  } else if (has_v2(version) && !std::has_single_bit(bytes)) {
    why = "must be a power of two for v2 and hybrid torrents";
  } else if (bytes % shortest_piece != 0) {
    why = "must be a multiple of 16 KiB";
  }
  if (why.empty()) return {};
  return Error{Errc::invalid_argument, fmt::format("piece length {} {}", bytes, why)};
}

// The last element as the user wrote it; "." and ".." are asked for their real name.
std::string source_name(std::string source) {
  while (source.size() > 1 && source.back() == '/') source.pop_back();
  std::string name = source.substr(source.rfind('/') + 1);  // npos + 1 is 0
  if (name != "." && name != "..") return name;
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(source.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr) return name;
  const std::string_view path = real.get();
  return std::string(path.substr(path.rfind('/') + 1));
}

Result<CreatePlan> plan_torrent(const std::string& source, const CreateOptions& options) {
  CreatePlan plan;
  plan.name = options.name.empty() ? source_name(source) : options.name;
  const std::string own_name = plan.name;
  if (options.walk.replace_names && options.name.empty() && !name_fault(plan.name).empty()) {
    plan.name = clean_torrent_name(plan.name);
  }
  auto named = check_name(plan.name);
  if (!named) return named.error();
  auto walk = walk_source(source, options.walk);
  if (!walk) return walk.error();
  plan.walk = std::move(*walk);
  if (plan.name != own_name) plan.walk.replaced.push_back({source, plan.name});
  if (plan.walk.total_size == 0) {
    return Error{Errc::invalid_length,
                 fmt::format("{}: {}, a torrent needs at least one byte", source,
                             plan.walk.files.empty() ? "no files" : "empty")};
  }
  // A file tree with one file is that file: it cannot be told from a folder around it (BEP 52).
  if (options.version == TorrentVersion::v2 && !plan.walk.single_file &&
      plan.walk.files.size() == 1 && plan.walk.files[0].path.size() == 1) {
    return Error{Errc::invalid_name,
                 fmt::format("{}: a folder with one file looks like that file in a v2 torrent; use "
                             "--hybrid or --v1, or name the file itself",
                             source)};
  }
  plan.piece_length =
      options.piece_length != 0 ? options.piece_length : default_piece_length(plan.walk.total_size);
  auto legal = check_piece_length(plan.piece_length, options.version);
  if (legal) legal = check_size(plan, options.version);
  if (!legal) return legal.error();
  return plan;
}

Result<CreatedTorrent> create_torrent(const CreatePlan& plan, const CreateOptions& options,
                                      const CreateProgress& progress) {
  const Range range = lay_out(plan.walk, options.version, plan.piece_length);
  const Layout layout(plan.piece_length, range.spans, options.version == TorrentVersion::v2);
  std::vector<FileToHash> files;
  for (const std::size_t walked : range.walked) {
    if (walked == Range::pad) {
      files.push_back({});
    } else {
      files.push_back({plan.walk.files[walked].source, plan.walk.files[walked].stamp});
    }
  }
  Hashes hashes;
  if (has_v1(options.version)) hashes.v1.resize(std::size_t{layout.piece_count()} * 20);
  if (has_v2(options.version)) hashes.v2.resize(layout.piece_count());
  HashFilesJob job;
  job.layout = &layout;
  job.files = files;
  job.v1 = has_v1(options.version);
  job.v2 = has_v2(options.version);
  job.threads = options.threads;
  job.on_piece = [&](PieceIndex piece, const PieceDigests* digests) {
    const std::size_t index = to_number(piece);
    if (job.v1) {
      std::copy_n(digests->v1.view().begin(), 20,
                  hashes.v1.begin() + static_cast<std::ptrdiff_t>(index * 20));
    }
    if (job.v2) hashes.v2[index] = digests->v2;
  };
  if (progress) {
    job.progress = [&](std::uint64_t done) { return progress(done, plan.walk.total_size); };
  }
  auto hashed = hash_files(job);
  if (hashed) hashed = check_empty_files(plan.walk);
  if (!hashed) return hashed.error();
  return finish(plan, options, range, layout, std::move(hashes));
}

Result<CreatedTorrent> create_torrent_of_stream(int descriptor, const CreateOptions& options,
                                                const CreateProgress& progress) {
  auto named = check_name(options.name);
  if (!named) return named.error();
  struct stat status {};
  const bool regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  const std::uint64_t expected = regular ? static_cast<std::uint64_t>(status.st_size) : 0;
  CreatePlan plan;
  plan.name = options.name;
  plan.piece_length = options.piece_length != 0 ? options.piece_length
                      : regular                 ? default_piece_length(expected)
                                                : stream_piece_length;
  auto legal = check_piece_length(plan.piece_length, options.version);
  if (!legal) return legal.error();
  plan.walk.single_file = true;
  plan.walk.files.emplace_back();
  plan.walk.files[0].source = "standard input";

  Hashes hashes;
  std::optional<Error> too_long;
  auto total = hash_stream(
      descriptor, plan.piece_length, has_v1(options.version), has_v2(options.version),
      [&](const PieceDigests& digests) {
        if (has_v1(options.version)) hashes.v1 += digests.v1.view();
        if (has_v2(options.version)) hashes.v2.push_back(digests.v2);
      },
      [&](std::uint64_t done) {
        plan.walk.files[0].stamp.size = done;
        plan.walk.total_size = done;
        if (auto fits = check_size(plan, options.version); !fits) too_long = fits.error();
        return !too_long && (!progress || progress(done, expected));
      });
  if (too_long) return *too_long;
  if (!total) return total.error();
  if (*total == 0) {
    return Error{Errc::invalid_length, "standard input: empty, a torrent needs at least one byte"};
  }
  plan.walk.files[0].stamp.size = plan.walk.total_size = *total;
  const Range range = lay_out(plan.walk, options.version, plan.piece_length);
  const Layout layout(plan.piece_length, range.spans, options.version == TorrentVersion::v2);
  return finish(plan, options, range, layout, std::move(hashes));
}

}  // namespace barter
