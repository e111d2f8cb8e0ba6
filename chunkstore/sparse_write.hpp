// A write that leaves holes where only zeros would go: a sparse image stays sparse, and needs no
// more room than its data. Runs of 64 KiB, aligned, are left out where the file has a hole already;
// over old bytes zeros are written like others.
#pragma once

#include <cstdint>
#include <span>

#include "chunkstore/files.hpp"
#include "torrent/result.hpp"

namespace barter {

inline constexpr std::uint64_t sparse_run = 64 << 10;  // bytes

// As Files::write. Nobody else writes to the file meanwhile.
Result<void> write_sparse(Files& files, const FileHandle& file, std::uint64_t offset,
                          std::span<const std::span<const std::byte>> parts);

// How many of `length` bytes from `offset` on a write of zeros into a hole would leave out.
std::uint64_t left_out_of_zeros(std::uint64_t offset, std::uint64_t length);

}  // namespace barter
