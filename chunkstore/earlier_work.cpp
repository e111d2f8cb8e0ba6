#include "chunkstore/earlier_work.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "chunkstore/file_origins.hpp"

namespace barter {

namespace {

constexpr std::size_t hash_digits = 40;
constexpr std::size_t place_digits = 16;

// The info-hash and a digest of the download folder, as Store names its folders.
bool is_state_name(std::string_view name) {
  return name.size() == hash_digits + 1 + place_digits && name[hash_digits] == '-';
}

}  // namespace

EarlierWork::EarlierWork(Files& files, std::string state_folder, std::string own,
                         std::uint64_t file_system)
    : files_(files),
      state_folder_(std::move(state_folder)),
      own_(std::move(own)),
      file_system_(file_system) {}

bool EarlierWork::wrote(const FileStamp& stamp) {
  if (!std::exchange(loaded_, true)) load();
  const auto [first, last] = stamps_.equal_range(stamp.inode);
  return std::any_of(first, last, [&](const auto& entry) { return entry.second == stamp; });
}

void EarlierWork::load() {
  if (state_folder_.empty() || file_system_ == 0) return;
  const auto folder = files_.open_folder(state_folder_, false);
  if (!folder) return;
  auto names = files_.list(*folder, max_names);
  if (!names) return;
  std::erase_if(*names, [&](const auto& name) { return name == own_ || !is_state_name(name); });
  // What was downloaded into the same folder is the likeliest.
  const std::string_view place = std::string_view(own_).substr(own_.size() - place_digits);
  std::stable_partition(names->begin(), names->end(),
                        [&](const auto& name) { return name.ends_with(place); });
  if (names->size() > max_journals) names->resize(max_journals);
  std::uint64_t budget = max_bytes;
  for (const std::string& name : *names) {
    budget -= load_journal(state_folder_ + "/" + name, budget);
  }
}

// The bytes that were read.
std::uint64_t EarlierWork::load_journal(const std::string& path, std::uint64_t budget) {
  const auto folder = files_.open_folder(path, false);
  if (!folder) return 0;
  std::uint64_t read = 0;
  const auto state = Journal::peek(files_, *folder, budget, read);
  if (!state || !state->begun || state->file_system != file_system_) return read;
  const auto count = static_cast<std::uint32_t>(state->files.size());
  const auto origins = FileOrigins::load(files_, *folder, count);
  // Without them it is a journal of an older version: its stamps are of whatever was there.
  if (!origins.known()) return read;
  for (std::uint32_t file = 0; file < count; ++file) {
    const auto& latest = state->files[file].latest;
    if (latest && !origins.has(file)) stamps_.emplace(latest->inode, *latest);
  }
  return read;
}

}  // namespace barter
