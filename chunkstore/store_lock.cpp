// Being alone: the state folder and its lock, and the locks on the data.
#include <algorithm>
#include <utility>

#include "chunkstore/store_impl.hpp"

namespace barter {

// To be used from the start.
bool Store::Impl::has_state(const std::string& canonical) {
  if (options_.state_folder.empty()) return false;
  if (!options_.read_only || !options_.lazy_state) return true;
  const std::string path = state_path_of(*metainfo_, options_.state_folder, canonical);
  state_put_off_ = !files_.open_folder(path, false).has_value();
  return !state_put_off_;
}

// One folder for each pair of a torrent and a download folder, and one barter at a time in it.
Result<void> Store::Impl::open_state(const std::string& canonical) {
  state_path_ = state_path_of(*metainfo_, options_.state_folder, canonical);
  auto folder = files_.open_private_folder(state_path_);
  if (!folder) return folder.error();
  state_folder_ = std::move(*folder);
  auto lock = files_.open(state_folder_, "lock", OpenMode::create);
  if (!lock) return lock.error();
  lock_ = std::move(*lock);
  auto locked = files_.lock(lock_, Files::Lock::exclusive);
  if (locked || locked.error().code != Errc::locked) return locked;
  return Error{Errc::locked, "another barter is at work on " + metainfo_->name() + " in " +
                                 canonical + " (" + locked.error().message + ")"};
}

// The state's lock does not keep away a barter that has its state elsewhere.
Result<void> Store::Impl::lock_data(const JournalState* state) {
  if (options_.read_only || !set_.has_root()) return {};
  FileIndex file = 0;
  while (file < file_count() && !(set_.is_real(file) && is_selected(file))) ++file;
  if (file == file_count()) return {};
  if (!journal_) (void)locate(file, state);
  if (auto done = lock_top_folder(set_.path(file)); !done) return done;
  auto locked = set_.pin(file);
  data_locked_ = locked.has_value();
  if (!locked && locked.error().code == Errc::locked) return locked;
  return {};  // absent, or not to be opened: begin() sees to that
}

// Who fetches some of the files has first ones of its own, and bytes of their neighbours: it must
// be alone in the torrent's folder. Those who fetch all meet at the first file, so that torrents
// that happen to have the same name can share the folder.
Result<void> Store::Impl::lock_top_folder(const std::string& path) {
  const auto slash = path.find('/');
  if (slash == std::string::npos) return {};
  const std::string top = root_path_ + "/" + path.substr(0, slash);
  bool all = true;
  for (FileIndex file = 0; file < file_count(); ++file) {
    all = all && (is_selected(file) || !set_.is_real(file));
  }
  top_lock_ = {};
  auto folder = files_.open_folder(top, false);
  if (!folder) return {};
  const auto locked = files_.lock(*folder, all ? Files::Lock::shared : Files::Lock::exclusive);
  if (!locked && locked.error().code == Errc::locked) {
    return Error{Errc::locked, "another barter is writing in " + top + "; stop it first (" +
                                   locked.error().message + ")"};
  }
  top_lock_ = std::move(*folder);
  return {};
}

// Files that another program, or another torrent of this one, is writing are found now and not in
// the middle. Those that do not exist yet are locked when they are made.
Result<void> Store::Impl::lock_unfinished(const Judged& judged) {
  for (const FileIndex file : judged.unfinished) {
    if (!is_selected(file)) continue;  // it is kept
    auto locked = set_.lock(file);
    if (!locked && locked.error().code == Errc::locked) return locked;
  }
  return {};
}

}  // namespace barter
