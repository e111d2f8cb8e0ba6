// Torrents and info dictionaries: whatever is accepted has paths that stay below the root and apart
// from each other, a layout that adds up, and reads the same when only its info is known.
#include <set>

#include "tests/fuzz/fuzz.hpp"
#include "torrent/bencode.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/utf8.hpp"

using namespace barter;
using fuzz::require;

namespace {

void check_path(std::string_view path) {
  require(!path.empty() && is_utf8(path), "a path is text");
  for (;;) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view element = path.substr(0, end);
    require(!element.empty() && element != "." && element != "..", "a path stays below its root");
    require(element.size() <= 255, "a name is short enough");
    for (const char c : element) {
      require(static_cast<unsigned char>(c) >= 0x20 && c != '\\', "a name is clean");
    }
    if (end == path.size()) return;
    path.remove_prefix(end + 1);
  }
}

void check_paths(const Metainfo& metainfo) {
  std::set<std::string_view> files, folders;
  for (const File& file : metainfo.files()) {
    check_path(file.path);
    if (!file.symlink_target.empty()) {
      check_path(file.symlink_target);
      require(file.length == 0, "a link is empty");
      require(file.symlink_target.starts_with(metainfo.name() + "/"),
              "a link stays in the torrent");
    }
    if (file.pad) continue;
    require(files.insert(file.path).second, "paths are unique");
    const std::string_view path = file.path;
    for (std::size_t at = path.find('/'); at != path.npos; at = path.find('/', at + 1)) {
      folders.insert(path.substr(0, at));
    }
  }
  for (const std::string_view folder : folders) {
    require(!files.contains(folder), "no file is a folder");
  }
}

void check_layout(const Metainfo& metainfo) {
  const Layout& layout = metainfo.layout();
  require(layout.files().size() == metainfo.files().size(), "files and spans");
  std::uint64_t total = 0, content = 0;
  for (std::size_t i = 0; i < metainfo.files().size(); ++i) {
    const File& file = metainfo.files()[i];
    require(layout.files()[i].length == file.length && layout.files()[i].offset == total, "spans");
    total += file.length;
    if (!file.pad) content += file.length;
  }
  require(total == layout.total_size() && content == metainfo.content_size(), "sizes");
  require(layout.piece_count() > 0, "pieces");
  for (const std::uint32_t number : {0U, layout.piece_count() / 2, layout.piece_count() - 1}) {
    const PieceIndex piece{number};
    require(layout.piece_size(piece) > 0, "no piece is empty");
    if (metainfo.has_v1()) (void)metainfo.piece_hash_v1(piece);
    const auto hash = metainfo.piece_hash_v2(piece);
    require(!metainfo.has_v2() || !metainfo.has_piece_layers() || hash, "layers cover all pieces");
    std::vector<FileRange> ranges;
    layout.file_ranges(layout.piece_offset(piece), layout.piece_size(piece), ranges);
    require(!ranges.empty(), "a piece lies in files");
  }
}

void check(const Metainfo& metainfo) {
  check_path(metainfo.name());
  check_paths(metainfo);
  check_layout(metainfo);
  const std::string layers = metainfo.encode_piece_layers();
  require(bencode::parse(layers).has_value(), "layers are bencode");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(fuzz::text_of(data, size));
  const auto whole = Metainfo::parse(input);
  if (whole) {
    check(**whole);
    const auto again = Metainfo::from_info(std::string((*whole)->info_bytes()));
    require(again.has_value(), "the info dictionary alone is enough");
    require((*again)->info_hash() == (*whole)->info_hash(), "the same info-hash");
    require((*again)->files().size() == (*whole)->files().size(), "the same files");
  } else {
    require(whole.error().message.find('\n') == std::string::npos, "one line");
  }
  const auto info = Metainfo::from_info(input);
  if (info) check(**info);
  return 0;
}
