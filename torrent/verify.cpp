#include "torrent/verify.hpp"

#include "torrent/hash_files.hpp"
#include "torrent/merkle.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

namespace barter {
namespace {

using Kind = FileProblem::Kind;

// What became of a piece. Each is written by the one thread that hashed it.
enum class Verdict : std::uint8_t { not_seen, right, wrong, unread };

class Verifier {
 public:
  Verifier(const Metainfo& metainfo, const std::string& folder, std::span<const std::string> paths,
           const std::vector<bool>& selected)
      : metainfo_(metainfo),
        layout_(metainfo.layout()),
        folder_(folder.empty() ? "." : folder),
        paths_(paths),
        selected_(selected),
        verdicts_(layout_.piece_count(), Verdict::not_seen),
        whole_files_(!metainfo.has_v1() && !metainfo.has_piece_layers()) {
    if (whole_files_) roots_.resize(layout_.piece_count());
  }

  Result<VerifyReport> run(unsigned threads, std::uint64_t rate,
                           const std::function<bool(std::uint64_t)>& progress) {
    look_at_files();
    HashFilesJob job;
    job.layout = &layout_;
    job.files = files_;
    job.v1 = metainfo_.has_v1();
    job.v2 = metainfo_.has_v2();
    job.threads = threads;
    job.rate = rate;
    job.progress = progress;
    if (!selected_.empty()) job.pieces = &choose_pieces();
    job.on_piece = [this](PieceIndex piece, const PieceDigests* digests) { judge(piece, digests); };
    // Under the job's lock. Of several errors of a file the first tells most.
    job.on_file_error = [this](std::size_t file, const Error& error) {
      const bool missing = error.code == Errc::not_found;
      if (!is_checked(file)) return true;
      note(file, missing ? Kind::missing : Kind::unreadable, missing ? "missing" : error.message);
      return true;
    };
    auto hashed = hash_files(job);
    if (!hashed) return hashed.error();
    if (whole_files_) judge_whole_files();
    return report();
  }

 private:
  std::string path_of(std::size_t file) const {
    return folder_ + "/" + (paths_.empty() ? metainfo_.files()[file].path : paths_[file]);
  }

  bool is_real(std::size_t file) const {
    return !metainfo_.files()[file].pad && metainfo_.files()[file].symlink_target.empty();
  }
  bool is_checked(std::size_t file) const {
    return is_real(file) && (selected_.empty() || selected_[file]);
  }

  const std::vector<bool>& choose_pieces() {
    chosen_.assign(layout_.piece_count(), false);
    for (std::size_t i = 0; i < metainfo_.files().size(); ++i) {
      const auto pieces = layout_.pieces_of(i);
      if (!is_checked(i) || !pieces) continue;
      std::fill(chosen_.begin() + to_number(pieces->first),
                chosen_.begin() + to_number(pieces->last) + 1, true);
    }
    return chosen_;
  }

  // Has a file that was not selected bytes in this piece? Then it is no word on those that were.
  bool is_shared(std::uint32_t piece) const {
    if (selected_.empty()) return false;
    std::vector<FileRange> ranges;
    const PieceIndex index{piece};
    layout_.file_ranges(layout_.piece_offset(index), layout_.piece_size(index), ranges);
    return std::any_of(ranges.begin(), ranges.end(), [this](const FileRange& range) {
      return is_real(range.file) && !selected_[range.file];
    });
  }

  void note(std::size_t file, Kind kind, std::string detail) {
    problems_.try_emplace(file, FileProblem{file, kind, std::move(detail)});
  }

  void look_at_files() {
    for (std::size_t i = 0; i < metainfo_.files().size(); ++i) {
      FileToHash file;
      if (is_real(i)) file.path = path_of(i);
      if (is_checked(i)) look_at(i, file.path);
      files_.push_back(std::move(file));
    }
  }

  void look_at(std::size_t file, const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return note(file, Kind::missing, "missing");
      return note(file, Kind::unreadable, std::strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) return note(file, Kind::unreadable, "not a regular file");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const std::uint64_t expected = metainfo_.files()[file].length;
    if (size != expected) {
      note(file, Kind::wrong_size, fmt::format("{} bytes instead of {}", size, expected));
    }
  }

  void judge(PieceIndex piece, const PieceDigests* digests) {
    Verdict& verdict = verdicts_[to_number(piece)];
    if (digests == nullptr) {
      verdict = Verdict::unread;
      return;
    }
    bool right = !metainfo_.has_v1() || metainfo_.piece_hash_v1(piece) == digests->v1;
    if (whole_files_) {
      roots_[to_number(piece)] = digests->v2;
    } else if (metainfo_.has_v2()) {
      const auto expected = metainfo_.piece_hash_v2(piece);
      right = right && (!expected || *expected == digests->v2);
    }
    verdict = right ? Verdict::right : Verdict::wrong;
  }

  // Without piece layers only the root of a file is known.
  void judge_whole_files() {
    for (std::size_t i = 0; i < metainfo_.files().size(); ++i) {
      const auto pieces = layout_.pieces_of(i);
      if (!is_checked(i) || !pieces) continue;
      const std::uint32_t first = to_number(pieces->first);
      const std::uint32_t count = to_number(pieces->last) - first + 1;
      const auto layer = std::span(roots_).subspan(first, count);
      const Sha256Digest root = count == 1 ? layer[0] : layer_root(layer, layout_.piece_length());
      if (root == metainfo_.files()[i].pieces_root) continue;
      for (std::uint32_t piece = first; piece < first + count; ++piece) {
        if (verdicts_[piece] == Verdict::right) verdicts_[piece] = Verdict::wrong;
      }
    }
  }

  void judge_file(std::size_t file) {
    const auto pieces = layout_.pieces_of(file);
    if (!pieces) return;
    std::uint32_t wrong = 0, unread = 0, first_wrong = 0;
    const std::uint32_t first = to_number(pieces->first), last = to_number(pieces->last);
    for (std::uint32_t piece = first; piece <= last; ++piece) {
      if (verdicts_[piece] != Verdict::right && is_shared(piece)) continue;
      if (verdicts_[piece] == Verdict::wrong && wrong++ == 0) first_wrong = piece;
      if (verdicts_[piece] == Verdict::unread) ++unread;
    }
    if (wrong > 0) {
      note(file, Kind::wrong_bytes,
           fmt::format("{} of {} piece{} wrong, the first is piece {}", wrong, last - first + 1,
                       first == last ? "" : "s", first_wrong));
    } else if (unread > 0) {
      note(file, Kind::unverified, "shares a piece with a file that is missing or unreadable");
    }
  }

  VerifyReport report() {
    VerifyReport out;
    out.bad.resize(layout_.piece_count());
    std::vector<FileRange> ranges;
    for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
      if (!selected_.empty() && !chosen_[i]) continue;
      ++out.pieces;
      if (verdicts_[i] != Verdict::right) {
        out.undecided += is_shared(i) ? 1 : 0;
        out.bad[i] = true;
        continue;
      }
      ++out.good_pieces;
      ranges.clear();
      const PieceIndex piece{i};
      layout_.file_ranges(layout_.piece_offset(piece), layout_.piece_size(piece), ranges);
      for (const FileRange& range : ranges) {
        if (is_checked(range.file)) out.good_bytes += range.length;
      }
    }
    for (std::size_t i = 0; i < metainfo_.files().size(); ++i) {
      if (is_checked(i)) judge_file(i);
    }
    for (auto& [file, problem] : problems_) out.problems.push_back(std::move(problem));
    return out;
  }

  const Metainfo& metainfo_;
  const Layout& layout_;
  const std::string folder_;
  const std::span<const std::string> paths_;
  const std::vector<bool>& selected_;  // by file; empty: all
  std::vector<bool> chosen_;           // by piece, where there is a selection
  std::vector<FileToHash> files_;
  std::vector<Verdict> verdicts_;
  const bool whole_files_;
  std::vector<Sha256Digest> roots_;
  std::map<std::size_t, FileProblem> problems_;
};

}  // namespace

Result<VerifyReport> verify_files(const Metainfo& metainfo, const std::string& folder,
                                  unsigned threads,
                                  const std::function<bool(std::uint64_t)>& progress,
                                  std::span<const std::string> paths,
                                  const std::vector<bool>& selected, std::uint64_t rate) {
  return Verifier(metainfo, folder, paths, selected).run(threads, rate, progress);
}

}  // namespace barter
