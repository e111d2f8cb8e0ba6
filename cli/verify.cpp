// barter verify: are the files what the torrent says?
#include "torrent/verify.hpp"
#include "cli/command.hpp"
#include "cli/disk_names.hpp"
#include "cli/get.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"
#include "cli/state_folder.hpp"
#include "cli/torrent_source.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include <memory>

namespace barter::cli {
namespace {

constexpr const char* examples =
    "  barter verify film.torrent --dir /srv/films\n"
    "  barter verify album.torrent && echo whole";

struct Options {
  std::string torrent, folder = ".", state_folder, expect;
  std::chrono::milliseconds retry_for = std::chrono::seconds(30);
  bool fresh = false;
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

int verify(const Options& options, Output& output) {
  const auto torrent = load_torrent(options.torrent, output,
                                    {.retry_for = options.retry_for,
                                     .fresh = options.fresh,
                                     .state_folder = state_folder_if_any(options.state_folder),
                                     .pin = parse_expected(options.expect)});
  if (!torrent) return fail(output, torrent.error());
  const Metainfo& metainfo = *torrent->metainfo;
  const std::uint64_t total = metainfo.content_size();
  const auto names = remembered_names(metainfo, options.folder, options.state_folder);
  if (!names) return fail(output, names.error());
  const auto report = verify_files(
      metainfo, options.folder, options.threads,
      [&](std::uint64_t done) {
        output.hashing({done, total, options.torrent});
        return !signals::stop_requested();
      },
      *names);
  output.end_progress();
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
  fields["total_size"] = total;
  fields["files"] = std::move(problems);
  output.result(std::move(fields));
  const std::string counted =
      fmt::format("{} of {} pieces are right, {} of {}", report->good_pieces, report->pieces,
                  format_size(report->good_bytes), format_size(total));
  if (report->whole()) {
    output.message(fmt::format("{}: whole: {}", metainfo.name(), counted));
    return exit_done;
  }
  output.message(fmt::format("{}: not whole: {} bad or missing; {}", metainfo.name(),
                             report->problems.size(), counted));
  return exit_failed;
}

}  // namespace

void add_verify_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      app, line, "verify", "Check files against a torrent; exit code 0 if all are whole", examples,
      [options](Output& output) { return verify(*options, output); });
  command->add_option("TORRENT", options->torrent, "A .torrent file, or the URL of one")
      ->required();
  command->add_option("--dir", options->folder, "Where the data is; default: here")
      ->type_name("DIR");
  command
      ->add_option("--state-dir", options->state_folder,
                   "What get remembers there of names is used; default: $XDG_STATE_HOME/barter")
      ->type_name("DIR");
  add_source_flags(command, options->retry_for, options->fresh, options->expect);
  command->add_option("--threads", options->threads, "Default: one a core")->type_name("N");
}

}  // namespace barter::cli
