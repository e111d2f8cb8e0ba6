#include "torrent/piece_layers.hpp"

#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "torrent/bencode.hpp"
#include "torrent/escape.hpp"
#include "torrent/hash_files.hpp"
#include "torrent/merkle.hpp"

namespace barter {

namespace {

std::vector<FileToHash> files_of(const Metainfo& metainfo, const std::string& folder,
                                 std::span<const std::string> paths) {
  std::vector<FileToHash> out;
  for (const File& file : metainfo.files()) {
    const std::string& path = paths.empty() ? file.path : paths[out.size()];
    FileToHash& one = out.emplace_back();
    if (!file.pad && file.symlink_target.empty()) one.path = folder + "/" + path;
  }
  return out;
}

}  // namespace

Result<std::string> read_piece_layers(const Metainfo& metainfo, const std::string& folder,
                                      unsigned threads,
                                      const std::function<bool(std::uint64_t bytes_done)>& progress,
                                      std::span<const std::string> paths) {
  const Layout& layout = metainfo.layout();
  const auto files = files_of(metainfo, folder.empty() ? "." : folder, paths);
  std::vector<Sha256Digest> roots(layout.piece_count());
  HashFilesJob job;
  job.layout = &layout;
  job.files = files;
  job.v2 = true;
  job.threads = threads;
  job.progress = progress;
  job.on_piece = [&](PieceIndex piece, const PieceDigests* digests) {
    if (digests != nullptr) roots[to_number(piece)] = digests->v2;
  };
  job.on_file_error = [](std::size_t, const Error&) { return false; };
  if (auto hashed = hash_files(job); !hashed) return hashed.error();

  // By root: files of equal contents share an entry.
  std::map<std::string_view, std::span<const Sha256Digest>> layers;
  for (std::size_t i = 0; i < metainfo.files().size(); ++i) {
    const File& file = metainfo.files()[i];
    if (!file.pieces_root || file.length <= layout.piece_length()) continue;
    const auto pieces = layout.pieces_of(i);
    if (!pieces) continue;
    const std::uint32_t first = to_number(pieces->first);
    const auto layer = std::span(roots).subspan(first, to_number(pieces->last) - first + 1);
    if (layer_root(layer, layout.piece_length()) != *file.pieces_root)
      return Error{Errc::file_changed, escape(file.path) + ": not what its root says"};
    layers.emplace(file.pieces_root->view(), layer);
  }
  bencode::Writer writer;
  writer.begin_dictionary();
  for (const auto& [root, layer] : layers) writer.key(root).string(as_text(std::as_bytes(layer)));
  return writer.end().take();
}

}  // namespace barter
