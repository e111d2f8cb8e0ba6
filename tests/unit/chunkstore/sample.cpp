#include "tests/unit/chunkstore/sample.hpp"

#include "chunkstore/posix_files.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>

#include "torrent/random.hpp"
#include "torrent/sha.hpp"

namespace barter {

namespace {

std::string text(std::string_view value) {
  return std::to_string(value.size()) + ":" + std::string(value);
}
std::string number(std::uint64_t value) {
  return "i" + std::to_string(value) + "e";
}

std::string path_list(std::string_view path) {
  std::string out = "l";
  while (!path.empty()) {
    const auto slash = path.find('/');
    out += text(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return out + "e";
}

std::string file_entry(const SampleFile& file) {
  std::string out = "d";
  if (file.pad) out += "4:attr1:p";
  if (!file.symlink_target.empty()) out += "4:attr1:l";
  out += "6:length" + number(file.length) + "4:path" + path_list(file.path);
  if (!file.symlink_target.empty()) out += "12:symlink path" + path_list(file.symlink_target);
  return out + "e";
}

std::string random_bytes(Random& random, std::uint64_t length) {
  std::string out(length, '\0');
  for (std::size_t i = 0; i < out.size(); i += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(out.data() + i, &word, std::min<std::size_t>(8, out.size() - i));
  }
  return out;
}

Sample parsed(std::string info, std::string rest, std::string data) {
  auto metainfo = Metainfo::parse("d4:info" + info + rest + "e");
  if (!metainfo) FAIL(metainfo.error().message);
  return {*metainfo, std::move(data)};
}

Sha256Digest tree(std::vector<Sha256Digest> leaves, std::size_t width) {
  leaves.resize(width);
  while (leaves.size() > 1) {
    for (std::size_t i = 0; i < leaves.size() / 2; ++i) {
      Sha256 parent;
      parent.update(leaves[2 * i].bytes);
      parent.update(leaves[2 * i + 1].bytes);
      leaves[i] = parent.finish();
    }
    leaves.resize(leaves.size() / 2);
  }
  return leaves.front();
}

}  // namespace

std::string Sample::piece(PieceIndex index) const {
  return data.substr(layout().piece_offset(index), layout().piece_size(index));
}

std::string Sample::file(std::size_t index) const {
  return data.substr(layout().files()[index].offset, layout().files()[index].length);
}

std::vector<BlockBuffer> Sample::blocks(BlockPool& pool, PieceIndex index) const {
  std::vector<BlockBuffer> out(layout().block_count(index));
  const std::string bytes = piece(index);
  for (std::uint32_t i = 0; i < out.size(); ++i) {
    const BlockRef ref{index, i};
    if (layout().is_pad(ref)) continue;
    out[i] = pool.take();
    if (!out[i]) std::abort();  // not by Catch: other threads call this
    out[i].set_size(layout().block_size(ref));
    std::memcpy(out[i].data(), bytes.data() + std::size_t{i} * block_length, out[i].size());
  }
  return out;
}

Sample make_sample(const std::vector<SampleFile>& files, std::uint32_t piece_length,
                   std::uint64_t seed) {
  Random random(seed);
  std::string data;
  std::string list;
  for (const auto& file : files) {
    data +=
        file.pad || file.zeros ? std::string(file.length, '\0') : random_bytes(random, file.length);
    list += file_entry(file);
  }
  std::string pieces;
  for (std::size_t at = 0; at < data.size(); at += piece_length) {
    pieces += sha1(as_bytes(std::string_view(data).substr(at, piece_length))).view();
  }
  const bool single = files.size() == 1 && files.front().path.empty();
  std::string info = "d";
  info += single ? "6:length" + number(files.front().length) : "5:filesl" + list + "e";
  info += "4:name1:t12:piece length" + number(piece_length) + "6:pieces" + text(pieces) + "e";
  return parsed(std::move(info), "", std::move(data));
}

Sample make_v2_sample(std::uint64_t length, std::uint32_t piece_length, std::uint64_t seed) {
  Random random(seed);
  std::string data = random_bytes(random, length);
  const auto width_of = [](std::uint64_t bytes) {
    std::size_t width = 1;
    while (width * block_length < bytes) width *= 2;
    return width;
  };
  std::vector<Sha256Digest> layer;
  for (std::size_t at = 0; at < data.size(); at += piece_length) {
    std::vector<Sha256Digest> leaves;
    const auto piece = std::string_view(data).substr(at, piece_length);
    for (std::size_t block = 0; block < piece.size(); block += block_length) {
      leaves.push_back(sha256(as_bytes(piece.substr(block, block_length))));
    }
    layer.push_back(tree(leaves, width_of(std::min<std::uint64_t>(length, piece_length))));
  }
  std::string layer_bytes;
  for (const auto& digest : layer) layer_bytes += digest.view();
  // Above the pieces the tree is padded with the roots of pieces of zero leaves.
  std::size_t width = 1;
  while (width < layer.size()) width *= 2;
  const auto empty = tree({}, piece_length / block_length);
  while (layer.size() < width) layer.push_back(empty);
  const Sha256Digest root = tree(layer, width);
  const std::string info = "d9:file treed1:td0:d6:length" + number(length) +
                           "11:pieces root32:" + std::string(root.view()) +
                           "eee12:meta versioni2e4:name1:t12:piece length" + number(piece_length) +
                           "e";
  std::string layers = "12:piece layersd";
  if (length > piece_length) layers += "32:" + std::string(root.view()) + text(layer_bytes);
  return parsed(info, layers + "e", std::move(data));
}

StoreOutcome store(Store& store, const Sample& sample, PieceIndex piece) {
  BlockPool pool(4096);
  const auto blocks = sample.blocks(pool, piece);
  return store.store_piece(piece, blocks, false);
}

void sync_where_boots_are_unknown(Store& store) {
  if (!posix_files()->boot_id().empty()) return;
  WARN("no /proc: the journal is synced first");
  REQUIRE(ok(store.sync()));
}

bool reads_right(Store& store, const Sample& sample, PieceIndex piece) {
  const std::string expected = sample.piece(piece);
  std::string got(expected.size(), '?');
  for (std::uint32_t i = 0; i < sample.layout().block_count(piece); ++i) {
    const auto range = sample.layout().range({piece, i});
    const auto out = std::span(got).subspan(range.begin, range.length);
    const auto read = store.read(range, std::as_writable_bytes(out), true);
    if (!read || !*read) return false;
  }
  return got == expected;
}

}  // namespace barter
