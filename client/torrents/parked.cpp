#include "client/torrents/parked.hpp"

namespace barter {
namespace {

bool is_real(const File& file) {
  return !file.pad && file.symlink_target.empty();
}

std::optional<VerifiedFile> look_at(const File& file, Files& files, const FileHandle& folder) {
  const auto info = files.look(folder, file.path);
  if (!info || info->kind != FileKind::file) return std::nullopt;
  return VerifiedFile{info->size, info->mtime_ns, info->inode};
}

}  // namespace

Progress Parked::progress() const {
  Progress out;
  out.wanted_bytes = torrent.metainfo->layout().total_size();
  out.verified_bytes = out.received_bytes = absent ? 0 : out.wanted_bytes;
  out.wanted_complete = out.complete = !absent;
  out.download_limit.reason = Limit::complete;
  out.upload_limit.reason = Limit::no_others;
  if (standing) {
    out.downloaded = standing->downloaded;
    out.uploaded = standing->uploaded;
  }
  return out;
}

std::optional<std::vector<VerifiedFile>> look_at_files(const Metainfo& metainfo, Files& files,
                                                       const FileHandle& folder) {
  std::vector<VerifiedFile> out;
  out.reserve(metainfo.files().size());
  for (const File& file : metainfo.files()) {
    out.emplace_back();
    if (!is_real(file)) continue;
    const auto looks = look_at(file, files, folder);
    if (!looks) return std::nullopt;
    out.back() = *looks;
  }
  return out;
}

ParkedLooks compare_looks(const Metainfo& metainfo, const std::vector<VerifiedFile>& then,
                          Files& files, const Result<FileHandle>& folder) {
  ParkedLooks out;
  out.folder_missing = !folder;
  if (!folder) return out;
  for (std::size_t i = 0; i < metainfo.files().size(); ++i) {
    const File& file = metainfo.files()[i];
    if (!is_real(file)) continue;
    const auto now = look_at(file, files, *folder);
    if (!now || now->size != then[i].size || now->mtime_ns != then[i].mtime_ns ||
        now->inode != then[i].inode) {
      out.changed.push_back(file.path);
    }
  }
  return out;
}

}  // namespace barter
