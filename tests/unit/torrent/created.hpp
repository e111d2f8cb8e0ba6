// Torrents of files in a temporary folder.
#pragma once

#include <catch2/catch.hpp>

#include "tests/temporary_folder.hpp"
#include "torrent/create.hpp"

namespace barter::test {

inline CreatedTorrent create(const std::string& source, const CreateOptions& options) {
  const auto plan = plan_torrent(source, options);
  if (!plan) FAIL(plan.error().message);
  auto torrent = create_torrent(*plan, options);
  if (!torrent) FAIL(torrent.error().message);
  return std::move(*torrent);
}

// Of the folder d with the files a, b, c and empty, and of what was in it before.
inline CreatedTorrent create_small(const TemporaryFolder& folder, TorrentVersion version) {
  folder.write("d/a", pattern(100'000, 1));
  folder.write("d/b", pattern(1'000, 2));
  folder.write("d/c", pattern(70'000, 3));
  folder.write("d/empty", "");
  CreateOptions options;
  options.version = version;
  options.piece_length = 32'768;
  return create(folder / "d", options);
}

}  // namespace barter::test
