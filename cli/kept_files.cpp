#include "cli/kept_files.hpp"

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

namespace barter::cli {

namespace fs = std::filesystem;

void forget_oldest(const std::string& folder,
                   const std::function<bool(const fs::directory_entry&)>& is_ours) {
  struct Kept {
    fs::file_time_type used;
    std::uint64_t size = 0;
    fs::path path;
  };
  std::vector<Kept> all;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!is_ours(*it)) continue;
    std::error_code gone;
    Kept one{it->last_write_time(gone), it->file_size(gone), it->path()};
    if (!gone) all.push_back(std::move(one));
  }
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.used > b.used; });
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    bytes += all[i].size;
    if (i > 0 && (i >= max_remembered || bytes > max_remembered_bytes)) {
      fs::remove(all[i].path, error);
    }
  }
}

void note_use(const std::string& path) {
  std::error_code ignored;
  fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
}

}  // namespace barter::cli
