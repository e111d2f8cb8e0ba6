#include "cli/share_item.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "cli/text.hpp"

namespace barter::cli {
namespace {

namespace fs = std::filesystem;

std::string below(const std::string& folder, const std::string& path) {
  return path.empty() ? folder : fmt::format("{}/{}", folder, path);
}

// A mode is part of the torrent, and changes without a sign in size and time.
bool same_modes(const Metainfo& metainfo, const Walk& walk) {
  auto walked = walk.files.begin();
  for (const File& file : metainfo.files()) {
    if (file.pad) continue;
    if (walked == walk.files.end() || walked->executable != file.executable) return false;
    ++walked;
  }
  return true;
}

}  // namespace

Result<ShareItem> plan_item(const std::string& path, const CreateOptions& options) {
  ShareItem out;
  std::error_code error;
  out.source = fs::canonical(path, error).string();
  if (error) {
    const auto code =
        error == std::errc::permission_denied ? Errc::permission_denied : Errc::not_found;
    return Error{code, fmt::format("{}: {}", cli::quoted(path), error.message())};
  }
  out.folder = fs::path(out.source).parent_path().string();
  auto plan = plan_torrent(out.source, options);
  if (!plan) return plan.error();
  out.plan = std::move(*plan);
  auto files = look_at(out.plan.walk);
  if (!files) return files.error();
  out.files = std::move(*files);
  return out;
}

bool reuse(ShareItem& item, const Remembered& remembered) {
  if (remembered.torrent.empty() || remembered.files != item.files) return false;
  auto metainfo = Metainfo::parse(remembered.torrent);
  if (!metainfo || (*metainfo)->name() != item.plan.name) return false;
  if (!same_modes(**metainfo, item.plan.walk)) return false;
  item.torrent = remembered.torrent;
  item.metainfo = std::move(*metainfo);
  return true;
}

Result<void> hash_item(ShareItem& item, const CreateOptions& options,
                       const CreateProgress& progress) {
  auto created = create_torrent(item.plan, options, progress);
  if (!created) return created.error();
  if (const auto changed = find_change(item)) {
    return Error{Errc::file_changed,
                 fmt::format("{} changed while it was hashed", cli::quoted(*changed))};
  }
  item.torrent = std::move(created->bytes);
  item.metainfo = std::move(created->metainfo);
  return {};
}

Result<bool> hash_again(ShareItem& item, const CreateOptions& options,
                        const CreateProgress& progress) {
  ShareItem now = item;
  auto files = look_at(item.plan.walk);
  if (!files) return files.error();
  now.files = std::move(*files);
  for (std::size_t i = 0; i < now.files.size(); ++i) {
    const SharedFile& file = now.files[i];
    if (file.size != item.files[i].size) return false;
    now.plan.walk.files[i].stamp = {file.size, file.inode, file.device, file.mtime_ns};
  }
  if (auto done = hash_item(now, options, progress); !done) return done.error();
  if (now.metainfo->info_hash() != item.metainfo->info_hash()) return false;
  item.plan = std::move(now.plan);
  item.files = std::move(now.files);
  return true;
}

std::optional<std::string> find_change(const ShareItem& item) {
  for (std::size_t i = 0; i < item.files.size(); ++i) {
    Walk one;
    one.files.push_back(item.plan.walk.files[i]);
    const auto now = look_at(one);
    if (!now || now->front() != item.files[i]) return below(item.source, item.files[i].path);
  }
  return std::nullopt;
}

std::vector<VerifiedFile> verified_files(const ShareItem& item) {
  std::vector<VerifiedFile> out;
  auto next = item.files.begin();
  for (const File& file : item.metainfo->files()) {
    out.emplace_back();
    if (file.pad) continue;
    if (next == item.files.end() || next->size != file.length) return {};
    out.back() = {next->size, next->mtime_ns, next->inode};
    ++next;
  }
  return out;
}

}  // namespace barter::cli
