// Spill: the file of unverified blocks put aside, in slots of one block; the journal says which
// block lies where. Owned by the Store, which locks it; put() and get() of different slots may run
// side by side. It knows nothing of pieces.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "chunkstore/files.hpp"
#include "chunkstore/resume.hpp"
#include "torrent/layout.hpp"
#include "torrent/result.hpp"

namespace barter {

class Spill {
 public:
  Spill(Files& files, const FileHandle& folder) : files_(files), folder_(folder) {}

  // The slots in use, after a restart.
  void adopt(const std::map<BlockRef, SpillSlot>& spilled);
  // A place for one more block.
  std::uint32_t take_slot();
  // Its place may be used again. The file is cut when none is in use.
  void release(std::uint32_t slot);

  Result<void> open();  // makes the file where it is absent
  Result<void> put(std::uint32_t slot, std::span<const std::byte> bytes);
  // io_error if the bytes are not those that were put there.
  Result<void> get(SpillSlot slot, std::span<std::byte> out) const;
  Result<void> sync();
  static std::uint64_t checksum(std::span<const std::byte> bytes);

 private:
  Files& files_;
  const FileHandle& folder_;
  FileHandle file_;
  std::vector<std::uint32_t> free_;
  std::uint32_t end_ = 0;  // slots ever used since the file was empty
};

}  // namespace barter
