// Judging, before anything is written: which of the files that are there are somebody else's, and
// what becomes of them.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "chunkstore/store_impl.hpp"

namespace barter {

namespace {

// "a", or "a and 3 more files".
std::string first_of(const std::vector<std::string>& paths) {
  if (paths.size() == 1) return paths.front();
  return fmt::format("{} and {} more {}", paths.front(), paths.size() - 1,
                     paths.size() == 2 ? "file" : "files");
}

}  // namespace

Store::Impl::Judged Store::Impl::judge_files() {
  ForeignFiles foreign(layout_, set_,
                       {[this](PieceIndex piece) { return has(piece); },
                        [this](PieceIndex piece) {
                          const std::lock_guard lock(zeros_mutex_);
                          return metainfo_->has_v1() && zeros_match(piece);
                        }});
  EarlierWork earlier(files_, options_.state_folder,
                      state_path_.substr(std::min(state_path_.size(), state_path_.rfind('/') + 1)),
                      file_system_);
  Judged out;
  for (FileIndex file = 0; set_.has_root() && file < file_count(); ++file) {
    if (!set_.is_real(file) || is_left_alone(file)) continue;
    const auto info = set_.look(file);
    auto error = obstacle(file, info);
    if (error && is_selected(file)) out.obstructed.push_back({file, std::move(*error)});
    // It was there in the last run, which wanted it.
    if ((error || !info) && !is_selected(file) && !set_.is_aside(file)) {
      out.unselected.push_back(file);
    }
    if (error || !info) continue;
    const bool unfinished = is_selected(file) && !set_.is_aside(file) && !is_complete(file, *info);
    if (unfinished) out.unfinished.push_back(file);
    const bool strange = is_strange(file, *info, foreign);
    if (strange && !earlier.wrote(stamp_of(*info))) {
      (is_selected(file) ? out.foreign : out.unselected).push_back(file);
    } else {
      if (unfinished && info->links > 1) out.linked.push_back(file);
      if (!strange && strangers_.contains(file)) out.taken.push_back(file);
    }
  }
  return out;
}

// What keeps us from the place of a file, if it is neither a file nor nothing. Whatever it is, a
// folder of the user's or a link that leads somewhere, it stays as it is.
std::optional<Error> Store::Impl::obstacle(FileIndex file, const Result<FileInfo>& info) const {
  if (!info) {
    if (info.error().code != Errc::permission_denied) return std::nullopt;
    return info.error();  // a link in the place of a folder above, for one
  }
  if (info->kind == FileKind::file) return std::nullopt;
  return Error{Errc::already_exists,
               fmt::format("{} is in the way of {}",
                           info->kind == FileKind::folder ? "a folder"
                           : info->kind == FileKind::link ? "a symbolic link"
                                                          : "something that is no file",
                           set_.path(file))};
}

bool Store::Impl::is_strange(FileIndex file, const FileInfo& info, ForeignFiles& foreign) {
  if (info.size == 0) return false;
  const FileStamp now = stamp_of(info);
  const auto stranger = strangers_.find(file);
  if (stranger == strangers_.end()) {
    const auto& record = journal_->state().files[file];
    if (record.latest ? record.latest->is_same_file(now) : record.created) return false;
  } else if (stranger->second.is_same_file(now) && !set_.is_aside(file)) {
    return foreign.is_foreign(file, info.size, is_selected(file));
  }
  // It came after open() had looked: nothing that was hashed speaks for it.
  const auto zeros = set_.only_zeros(file, 0, info.size);
  return !zeros || !*zeros;
}

// Then it is not written to, and need neither be locked nor be free of other names.
bool Store::Impl::is_complete(FileIndex file, const FileInfo& info) const {
  bool complete = info.size == set_.length(file);
  for_pieces_of(file, [&](PieceIndex piece) { complete = complete && has(piece); });
  return complete;
}

// Does anything that is there belong to this torrent?
bool Store::Impl::is_data_there(const Judged& judged) {
  for (const auto& [file, stamp] : strangers_) {
    const auto in = [file = file](const std::vector<FileIndex>& list) {
      return std::binary_search(list.begin(), list.end(), file);
    };
    if (!in(judged.foreign) && !in(judged.unselected) && !in(judged.replacements)) return true;
  }
  const std::lock_guard lock(zeros_mutex_);
  for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
    if (has(PieceIndex{i}) && !(metainfo_->has_v1() && zeros_match(PieceIndex{i}))) return true;
  }
  return false;
}

// They came while we wrote, when nobody could be asked: they are left out, and the rest is fetched.
void Store::Impl::set_replacements_apart(Judged& judged) {
  if (options_.existing == Existing::overwrite || options_.existing == Existing::keep) return;
  std::erase_if(judged.foreign, [&](FileIndex file) {
    if (!origins_.is(file, FileOrigin::replacement)) return false;
    judged.replacements.push_back(file);
    const std::string name = set_.path(file);
    begin_report_.refused.push_back(
        {file, Error{Errc::already_exists,
                     name + " in " + root_path_ +
                         " was put in the place of what was fetched, and is not of this torrent; "
                         "it was not touched: move it away, or let --force overwrite it"}});
    return true;
  });
}

Result<void> Store::Impl::decide(const Judged& judged) {
  leave_alone(judged.unselected);
  switch (options_.existing) {
    case Existing::overwrite:
      return {};
    case Existing::keep:
      return keep(judged);
    case Existing::update:
      if (judged.foreign.empty() || is_data_there(judged)) return {};
      break;
    case Existing::refuse:
      if (judged.foreign.empty()) return {};
      break;
  }
  return in_the_way(judged);
}

Error Store::Impl::in_the_way(const Judged& judged) {
  std::vector<std::string> paths;
  const auto add = [&](const std::vector<FileIndex>& files, bool linked) {
    for (const FileIndex file : files) {
      const auto info = set_.look(file);
      begin_report_.in_the_way.push_back({set_.path(file), info ? info->size : 0, linked});
      paths.push_back(set_.path(file));
    }
  };
  add(judged.foreign, false);
  const bool one = paths.size() == 1;
  const std::string them = one ? "it" : "them";
  const std::string head =
      fmt::format("{} {} in {}", first_of(paths), one ? "exists" : "exist", root_path_);
  add(judged.linked, true);
  if (options_.existing == Existing::update) {
    return {Errc::already_exists,
            fmt::format("{}, and nothing there is data of this torrent, as an older version of it "
                        "would have; nothing was touched: --keep leaves {} and fetches the rest, "
                        "--force overwrites {}",
                        head, them, them)};
  }
  return {Errc::already_exists,
          fmt::format("{} and {} not of this torrent; nothing was touched: --keep leaves {} and "
                      "fetches the rest, --update says that this is an older version of the "
                      "data and updates it, --force overwrites {} whatever is there",
                      head, one ? "is" : "are", them, them)};
}

// The user wants them left alone: they count as not selected from now on.
Result<void> Store::Impl::keep(const Judged& judged) {
  std::vector<FileIndex> files = judged.foreign;
  files.insert(files.end(), judged.linked.begin(), judged.linked.end());
  for (const RefusedFile& one : judged.obstructed) files.push_back(one.file);
  if (!files.empty() && !state_folder_) {
    return Error{Errc::invalid_argument, "keeping files needs a folder for its state"};
  }
  for (const FileIndex file : files) kept_[file] = true;
  bool any = false;
  for (FileIndex file = 0; file < file_count(); ++file) {
    any = any || (set_.is_real(file) && is_selected(file));
  }
  if (!any && !files.empty()) {
    std::vector<std::string> paths;
    for (const FileIndex file : files) {
      const auto info = set_.look(file);
      const bool linked = std::binary_search(judged.linked.begin(), judged.linked.end(), file);
      begin_report_.in_the_way.push_back({set_.path(file), info ? info->size : 0, linked});
      paths.push_back(set_.path(file));
    }
    return Error{Errc::already_exists,
                 fmt::format("{} in {} would be kept, and nothing else is wanted: nothing to fetch",
                             first_of(paths), root_path_)};
  }
  leave_alone(files);
  return {};
}

// What the torrent has there goes to the side file; what was found right in them is had no more,
// since it will not be looked for there.
void Store::Impl::leave_alone(std::span<const FileIndex> files) {
  std::vector<PieceIndex> withdrawn;
  for (const FileIndex file : files) {
    set_.set_aside(file, true);
    for_pieces_of(file, [&](PieceIndex piece) {
      if (!has(piece)) return;
      set_have(piece, false);
      withdrawn.push_back(piece);
    });
  }
  begin_report_.withdrawn.insert(begin_report_.withdrawn.end(), withdrawn.begin(), withdrawn.end());
  const std::lock_guard lock(mutex_);
  journal_->marked(PieceMark::absent, withdrawn);
}

// Durably, before the journal says that all else is ours.
Result<void> Store::Impl::note_origins(const Judged& judged) {
  for (FileIndex file = 0; file < file_count(); ++file) {
    if (kept_[file]) begin_report_.kept.push_back(file);
  }
  if (!state_folder_) return {};
  FileOrigins origins = origins_;
  for (const auto& [file, origin] : origins_.all()) {
    if (origin != FileOrigin::taken && !is_left_alone(file)) origins.forget(file);
  }
  for (const FileIndex file : judged.foreign) origins.forget(file);
  for (const FileIndex file : judged.taken) origins.set(file, FileOrigin::taken);
  for (const FileIndex file : judged.unselected) origins.set(file, FileOrigin::aside);
  for (const FileIndex file : begin_report_.kept) origins.set(file, FileOrigin::kept);
  if (origins_.known() && origins == origins_) return {};
  if (auto done = origins.save(files_, state_folder_); !done) return done;
  origins_ = std::move(origins);
  if (begin_report_.kept.empty()) return {};
  return lock_data();  // a part of the files now
}

// What can be seen not to be writable before anything is written.
Result<void> Store::Impl::leave_out(const Judged& judged) {
  auto& refused = begin_report_.refused;
  const auto add = [&](FileIndex file, Error error) {
    if (is_selected(file)) refused.push_back({file, std::move(error)});  // else it is kept
  };
  for (const RefusedFile& one : judged.obstructed) add(one.file, one.error);
  if (options_.existing != Existing::overwrite) {
    for (const FileIndex file : judged.linked) add(file, FileSet::has_other_names(set_.path(file)));
  }
  return refused.empty() ? Result<void>() : leave_out_refused();
}

// As if they had not been selected; tried again in the next run.
Result<void> Store::Impl::leave_out_refused() {
  const auto& refused = begin_report_.refused;
  std::vector<FileIndex> files;
  std::vector<FileIndex> not_aside;  // what lies in the side file already stays had
  for (const RefusedFile& one : refused) {
    files.push_back(one.file);
    if (!set_.is_aside(one.file)) not_aside.push_back(one.file);
    refused_[one.file] = true;
  }
  bool any = false;
  for (FileIndex file = 0; file < file_count(); ++file) {
    any = any || (set_.is_real(file) && is_selected(file));
  }
  // Without a state there is no side file for the bytes that neighbours have in common with them.
  if (!any || !state_folder_) {
    Error error = refused.front().error;
    if (refused.size() > 1) {
      error.message += fmt::format(
          "; {} cannot be written either",
          refused.size() == 2 ? "one more file" : fmt::format("{} more files", refused.size() - 1));
    }
    return error;
  }
  leave_alone(not_aside);
  FileOrigins origins = origins_;
  for (const FileIndex file : files) {
    if (!origins.is(file, FileOrigin::replacement)) origins.set(file, FileOrigin::aside);
  }
  if (auto done = origins.save(files_, state_folder_); !done) return done;
  origins_ = std::move(origins);
  return lock_data();  // a part of the files now
}

}  // namespace barter
