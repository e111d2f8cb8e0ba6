// A torrent made up for a test: its bytes (from a seed), its pieces and its Metainfo.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "chunkstore/block_buffer.hpp"
#include "chunkstore/store.hpp"
#include "torrent/metainfo.hpp"

namespace barter {

struct SampleFile {
  std::string path;  // below the torrent's folder, '/' between elements
  std::uint64_t length = 0;
  bool pad = false;
  std::string symlink_target = {};
  bool zeros = false;
};

struct Sample {
  std::shared_ptr<const Metainfo> metainfo;
  std::string data;  // the whole byte range

  const Layout& layout() const { return metainfo->layout(); }
  std::string piece(PieceIndex index) const;
  std::string file(std::size_t index) const;
  // The blocks of a piece from a pool; those in pads are empty.
  std::vector<BlockBuffer> blocks(BlockPool& pool, PieceIndex index) const;
};

// A multi-file v1 torrent named "t", or a single-file one if there is one file with path "".
Sample make_sample(const std::vector<SampleFile>& files, std::uint32_t piece_length,
                   std::uint64_t seed = 1);
// A v2-only torrent of one file named "t".
Sample make_v2_sample(std::uint64_t length, std::uint32_t piece_length, std::uint64_t seed = 1);

StoreOutcome store(Store& store, const Sample& sample, PieceIndex piece);
bool reads_right(Store& store, const Sample& sample, PieceIndex piece);
// Without /proc nobody can tell whether the machine was restarted:
// then only what was synced counts.
void sync_where_boots_are_unknown(Store& store);

// For REQUIRE: shows the error.
template <class T>
bool ok(const Result<T>& result) {
  if (!result) UNSCOPED_INFO(result.error().message);
  return result.has_value();
}

}  // namespace barter
