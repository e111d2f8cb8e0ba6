#include "chunkstore/written_files.hpp"

namespace barter {

Result<void> WrittenFiles::claim(const void* owner, const std::string& torrent,
                                 const std::string& path, const FileInfo& info) {
  const std::lock_guard lock(mutex_);
  const auto [entry, fresh] =
      claims_.try_emplace({info.device, info.inode, info.birth_ns}, Claim{owner, torrent});
  if (fresh || entry->second.owner == owner) return {};
  return Error{Errc::locked, path + " is being written for " + entry->second.torrent +
                                 " by this program; wait until that is complete, or stop it"};
}

void WrittenFiles::release(const void* owner) {
  const std::lock_guard lock(mutex_);
  std::erase_if(claims_, [&](const auto& entry) { return entry.second.owner == owner; });
}

std::size_t WrittenFiles::size() const {
  const std::lock_guard lock(mutex_);
  return claims_.size();
}

}  // namespace barter
