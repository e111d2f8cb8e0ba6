// barter verify: are the files what the torrent says?
#include "torrent/verify.hpp"
#include "cli/command.hpp"
#include "cli/disk_names.hpp"
#include "cli/flags.hpp"
#include "cli/get.hpp"
#include "cli/selection.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"
#include "cli/state_folder.hpp"
#include "cli/text.hpp"
#include "cli/torrent_source.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace barter::cli {
namespace {

constexpr const char* examples =
    "  barter verify film.torrent --dir /srv/films\n"
    "  barter verify album.torrent && echo whole\n"
    "  barter verify disk.torrent --repair --rate 50MB";

struct Options {
  GetOptions get;  // the torrent, where its data is, and how --repair fetches
  std::uint64_t rate = unlimited;
  bool repair = false;
  unsigned threads = 0;
};

std::string_view name_of(FileProblem::Kind kind) {
  switch (kind) {
    case FileProblem::Kind::missing:
      return "missing";
    case FileProblem::Kind::wrong_size:
      return "wrong_size";
    case FileProblem::Kind::unreadable:
      return "unreadable";
    case FileProblem::Kind::wrong_bytes:
      return "wrong_bytes";
    case FileProblem::Kind::unverified:
      return "unverified";
  }
  return "unknown";
}

// What is read: all pieces that a selected file has a part in.
std::uint64_t bytes_to_read(const Metainfo& metainfo, const std::vector<bool>& selected) {
  if (selected.empty()) return metainfo.content_size();
  const Layout& layout = metainfo.layout();
  std::uint64_t bytes = 0;
  std::int64_t last = -1;  // piece that is counted
  for (std::size_t i = 0; i < selected.size(); ++i) {
    const auto pieces = layout.pieces_of(i);
    if (!selected[i] || !pieces) continue;
    for (std::int64_t piece = std::max<std::int64_t>(last + 1, to_number(pieces->first));
         piece <= to_number(pieces->last); ++piece) {
      bytes += layout.piece_size(PieceIndex{static_cast<std::uint32_t>(piece)});
      last = piece;
    }
  }
  return bytes;
}

Result<VerifyReport> look(const Options& options, const Metainfo& metainfo,
                          const std::vector<std::string>& names, const std::vector<bool>& selected,
                          std::uint64_t total, Output& output) {
  auto report = verify_files(
      metainfo, options.get.transfer.folder, options.threads,
      [&](std::uint64_t done) {
        output.hashing({done, total, options.get.torrent});
        return !signals::stop_requested();
      },
      names, selected, options.rate == unlimited ? 0 : options.rate);
  output.end_progress();
  return report;
}

// Fetches what is bad or missing, in place, then looks at those files again: what is too long, say,
// cannot be mended by fetching.
int repair(const Options& options, const LoadedTorrent& torrent, const VerifyReport& found,
           Output& output) {
  const Metainfo& metainfo = *torrent.metainfo;
  GetOptions get = options.get;
  get.metainfo = torrent.metainfo;
  get.doubted = found.bad;
  get.update = true;
  if (torrent.peer) get.peers.push_back(to_string(*torrent.peer));
  output.message(fmt::format("{}: fetching what is bad or missing", metainfo.name()));
  if (const int code = run_get(get, output); code != exit_done) return code;
  std::vector<bool> bad(metainfo.files().size());
  for (const FileProblem& problem : found.problems) bad[problem.file] = true;
  const auto names =
      remembered_names(metainfo, options.get.transfer.folder, options.get.transfer.state_folder);
  if (!names) return fail(output, names.error());
  const auto report = look(options, metainfo, *names, bad, bytes_to_read(metainfo, bad), output);
  if (!report) return fail(output, report.error());
  output.result(
      {{"whole", report->whole()}, {"repaired", found.problems.size() - report->problems.size()}});
  for (const FileProblem& problem : report->problems) {
    output.print(fmt::format("{}: {}", (*names)[problem.file], problem.detail));
  }
  output.message(fmt::format("{}: {} of {} repaired", metainfo.name(),
                             found.problems.size() - report->problems.size(),
                             counted(found.problems.size(), "file")));
  return report->whole() ? exit_done : exit_failed;
}

int verify(const Options& options, Output& output) {
  const Selection selection{parse_globs("--select", options.get.select),
                            parse_globs("--exclude", options.get.exclude)};
  const auto torrent =
      load_torrent(options.get.torrent, output,
                   {.retry_for = options.get.retry_for,
                    .fresh = options.get.fresh,
                    .state_folder = state_folder_if_any(options.get.transfer.state_folder),
                    .pin = parse_expected(options.get.expect),
                    .encoding = options.get.transfer.encoding});
  if (!torrent) return fail(output, torrent.error());
  const Metainfo& metainfo = *torrent->metainfo;
  const auto selected = select_files(metainfo, selection, {});
  if (!selected) return fail(output, selected.error());
  const std::uint64_t total = bytes_to_read(metainfo, *selected);
  const auto names =
      remembered_names(metainfo, options.get.transfer.folder, options.get.transfer.state_folder);
  if (!names) return fail(output, names.error());
  tell_found_names(metainfo, *names, output);
  const auto report = look(options, metainfo, *names, *selected, total, output);
  if (!report) return fail(output, report.error());
  boost::json::array problems;
  for (const FileProblem& problem : report->problems) {
    const std::string& path = metainfo.files()[problem.file].path;
    const std::string& disk_path = (*names)[problem.file];
    output.print(fmt::format("{}: {}", disk_path, problem.detail));
    if (!output.json()) continue;
    problems.push_back({{"path", path},
                        {"disk_path", disk_path},
                        {"problem", name_of(problem.kind)},
                        {"detail", problem.detail}});
  }
  boost::json::object fields = torrent_fields(metainfo);
  fields["whole"] = report->whole();
  fields["pieces"] = report->pieces;
  fields["good_pieces"] = report->good_pieces;
  fields["good_bytes"] = report->good_bytes;
  fields["undecided_pieces"] = report->undecided;
  fields["total_size"] = metainfo.content_size();
  fields["files"] = std::move(problems);
  output.result(std::move(fields));
  std::string counted =
      fmt::format("{} of {} pieces are right, {} of {}", report->good_pieces, report->pieces,
                  format_size(report->good_bytes), format_size(total));
  if (report->undecided > 0) {
    counted +=
        fmt::format("; {} at the borders cannot be judged without the files that were not selected",
                    report->undecided);
  }
  if (report->whole()) {
    output.message(fmt::format("{}: whole: {}", metainfo.name(), counted));
    return exit_done;
  }
  output.message(fmt::format("{}: not whole: {} bad or missing; {}", metainfo.name(),
                             report->problems.size(), counted));
  return options.repair ? repair(options, *torrent, *report, output) : exit_failed;
}

}  // namespace

void add_verify_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      app, line, "verify", "Check files against a torrent; exit code 0 if all are whole", examples,
      [options](Output& output) { return verify(*options, output); });
  command->add_option("TORRENT", options->get.torrent, "A .torrent file, or the URL of one")
      ->required();
  command->add_option("--select", options->get.select, "Only files that match (repeatable)")
      ->allow_extra_args(false)
      ->type_name("GLOB");
  command->add_option("--exclude", options->get.exclude, "No files that match (repeatable)")
      ->allow_extra_args(false)
      ->type_name("GLOB");
  add_source_flags(command, options->get.retry_for, options->get.fresh, options->get.expect);
  add_rate_option(command, "--rate", options->rate,
                  "Read no more bytes per second than that, as 50MB, to spare the disk");
  command->add_flag("--repair", options->repair,
                    "Fetch what is bad or missing, in place, as 'get --check --update' would; the "
                    "options about peers and limits are for that");
  add_transfer_flags(command, options->get.transfer);
  command->add_option("--peer", options->get.peers, "Ask this one too (repeatable)")
      ->allow_extra_args(false)
      ->type_name("HOST:PORT");
  add_duration_option(command, "--stall-timeout", options->get.stall_timeout,
                      "Give up (exit code 3) when no byte came for so long");
  command->add_option("--threads", options->threads, "Default: one a core")->type_name("N");
}

}  // namespace barter::cli
