#include "torrent/metainfo.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <map>
#include <utility>

#include "torrent/bencode.hpp"
#include "torrent/metainfo_parser.hpp"

namespace barter {

Result<std::shared_ptr<const Metainfo>> Metainfo::parse(std::string torrent,
                                                        const MetainfoLimits& limits) {
  return MetainfoParser(limits).run(std::move(torrent), true);
}

Result<std::shared_ptr<const Metainfo>> Metainfo::from_info(std::string info,
                                                            const MetainfoLimits& limits) {
  return MetainfoParser(limits).run(std::move(info), false);
}

Result<std::shared_ptr<const Metainfo>> Metainfo::with_encoding(const std::string& encoding) const {
  const auto named = MetainfoParser({}, encoding).run(info_, false);
  if (!named) return named.error();
  const std::shared_ptr<Metainfo> out(new Metainfo(*this));
  out->name_ = (*named)->name_;
  out->files_ = (*named)->files_;
  out->raw_paths_ = (*named)->raw_paths_;
  out->warnings_ = (*named)->warnings_;
  return std::shared_ptr<const Metainfo>(out);
}

Sha1Digest Metainfo::piece_hash_v1(PieceIndex piece) const {
  assert(has_v1() && to_number(piece) < layout_->piece_count());
  Sha1Digest out;
  std::memcpy(out.bytes.data(),
              info_.data() + pieces_offset_ + std::size_t{to_number(piece)} * Sha1Digest::size,
              Sha1Digest::size);
  return out;
}

std::optional<Sha256Digest> Metainfo::piece_hash_v2(PieceIndex piece) const {
  assert(to_number(piece) < layout_->piece_count());
  const auto after = std::upper_bound(
      piece_files_.begin(), piece_files_.end(), to_number(piece),
      [](std::uint32_t value, const PieceFile& place) { return value < place.first_piece; });
  if (after == piece_files_.begin()) return std::nullopt;
  const PieceFile& place = *(after - 1);
  const File& file = files_[place.file];
  const std::uint32_t within = to_number(piece) - place.first_piece;
  if (within > (file.length - 1) / layout_->piece_length()) return std::nullopt;
  if (file.length <= layout_->piece_length()) return file.pieces_root;
  if (place.layer == no_layer) return std::nullopt;
  return layers_[place.layer + within];
}

std::span<const Sha256Digest> Metainfo::piece_layer(std::size_t file) const {
  const auto place =
      std::lower_bound(piece_files_.begin(), piece_files_.end(), file,
                       [](const PieceFile& left, std::size_t value) { return left.file < value; });
  if (place == piece_files_.end() || place->file != file || place->layer == no_layer) return {};
  const std::uint64_t pieces = (files_[file].length - 1) / layout_->piece_length() + 1;
  return std::span(layers_).subspan(place->layer, static_cast<std::size_t>(pieces));
}

std::string Metainfo::encode_piece_layers() const {
  std::map<Sha256Digest, std::span<const Sha256Digest>>
      layers;  // files of equal contents share one
  for (const PieceFile& place : piece_files_) {
    if (place.layer != no_layer) layers[*files_[place.file].pieces_root] = piece_layer(place.file);
  }
  bencode::Writer writer;
  writer.begin_dictionary();
  for (const auto& [root, layer] : layers) {
    writer.key(root.view()).string(as_text(std::as_bytes(layer)));
  }
  writer.end();
  return writer.take();
}

std::span<const std::string> Metainfo::raw_paths(std::size_t file) const {
  const auto found = raw_paths_.find(file);
  if (found == raw_paths_.end()) return {};
  return found->second;
}

std::uint32_t Metainfo::first_real_file() const {
  const auto found =
      std::find_if(files_.begin(), files_.end(), [](const File& file) { return !file.pad; });
  return static_cast<std::uint32_t>(found == files_.end() ? 0 : found - files_.begin());
}

}  // namespace barter
