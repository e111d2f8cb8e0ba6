// hash_files: the piece hashes of a layout, read from files on all cores. Each thread takes the
// next pieces and streams them side by side through one buffer (piece_lanes), so memory is threads
// x buffer whatever the piece length. Used by the creator and by verify. Blocking; no state.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "torrent/layout.hpp"
#include "torrent/piece_lanes.hpp"
#include "torrent/result.hpp"
#include "torrent/source_file.hpp"

namespace barter {

struct HashFilesJob {
  const Layout* layout = nullptr;
  std::span<const FileToHash> files;
  const std::vector<bool>* pieces = nullptr;  // only these; null: all
  bool v1 = false, v2 = false;
  unsigned threads = 0;  // 0: one a core; a rotating disk has one reader whatever this says
  std::string devices = block_devices;  // as on_rotating_disk() has it
  std::uint64_t rate = 0;  // bytes read per second, of all threads; 0: as fast as it goes
  // On a thread of the job, once for each piece, in no order: null
  // where a file of it could not be read.
  std::function<void(PieceIndex, const PieceDigests*)> on_piece;
  // On a thread of the job, perhaps several times for a file. True: go
  // on without; false: fail with it.
  std::function<bool(std::size_t file, const Error&)> on_file_error;
  // On the caller's thread, about ten times a second, and with the last state. False: cancel.
  std::function<bool(std::uint64_t bytes_done)> progress;
};

// Errors: cancelled, and those that on_file_error does not forgive.
Result<void> hash_files(const HashFilesJob& job);

}  // namespace barter
