// ShareItem: one path that is shared: what is in it, how its files looked, and its torrent, made
// now or remembered. Functions that block; the struct is the caller's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chunkstore/store.hpp"
#include "cli/share_memory.hpp"
#include "torrent/create.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

struct ShareItem {
  std::string source;  // canonical
  std::string folder;  // in which the source lies
  CreatePlan plan;
  std::vector<SharedFile> files;  // as they looked before they were hashed
  std::string torrent;            // without trackers; empty until it is made
  std::shared_ptr<const Metainfo> metainfo;
};

// Looks at a path. Links are refused: peers are served from the files themselves, never through
// links that may lead elsewhere tomorrow.
Result<ShareItem> plan_item(const std::string& path, const CreateOptions& options);
// Takes the torrent from `remembered` if not a file has changed since; false if it must be hashed.
bool reuse(ShareItem& item, const Remembered& remembered);
// Hashes. Errors: cancelled, file_changed and so on.
Result<void> hash_item(ShareItem& item, const CreateOptions& options,
                       const CreateProgress& progress);
// Hashes again files that do not look as they did. If their bytes are the same, `item` takes them
// as they look now, and true is returned. Errors as of hash_item(), and not_found.
Result<bool> hash_again(ShareItem& item, const CreateOptions& options,
                        const CreateProgress& progress);
// The first file that is no longer what was hashed.
std::optional<std::string> find_change(const ShareItem& item);
// For the store: what was hashed, file by file of the torrent.
std::vector<VerifiedFile> verified_files(const ShareItem& item);

}  // namespace barter::cli
