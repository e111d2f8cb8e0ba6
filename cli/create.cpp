// barter create: makes torrents of files, folders and standard input.
#include "torrent/create.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"
#include "cli/text.hpp"
#include "torrent/write_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/json/array.hpp>

#include <cstdlib>
#include <memory>

namespace barter::cli {
namespace {

struct Options {
  std::vector<std::string> sources;
  std::vector<std::string> announce, web_seeds, include, exclude;
  std::string name, output, source, comment;
  std::uint64_t piece_length = 0;
  unsigned threads = 0;
  bool v1 = false, v2 = false, hybrid = false;
  bool is_private = false, no_hidden = false, attributes = false, replace_names = false,
       follow_links = false;
  bool no_date = false, no_created_by = false, force = false, dry_run = false;
};

constexpr const char* examples =
    "  barter create film.mkv --announce http://tracker.example:6969/announce\n"
    "  barter create photos --exclude '*.tmp' --no-hidden --output /srv/torrents/\n"
    "  barter create big.iso --hybrid --piece-length 4MiB --private \\\n"
    "      --announce http://a.example/announce,http://b.example/announce   (one tier)\n"
    "  tar c photos | barter create - --name photos.tar";

CreateOptions create_options(const Options& options) {
  CreateOptions out;
  out.version = options.hybrid ? TorrentVersion::hybrid
                : options.v2   ? TorrentVersion::v2
                               : TorrentVersion::v1;
  if (options.piece_length != 0) {
    const auto legal = check_piece_length(options.piece_length, out.version);
    if (!legal) throw UsageError("--piece-length: " + legal.error().message);
    out.piece_length = static_cast<std::uint32_t>(options.piece_length);
  }
  out.threads = options.threads;
  out.name = options.name;
  if (options.attributes) out.attributes = CreateOptions::Attributes::all;
  out.walk.follow_links = options.follow_links;
  out.walk.include = parse_globs("--include", options.include);
  out.walk.exclude = parse_globs("--exclude", options.exclude);
  out.walk.hidden = !options.no_hidden;
  out.walk.replace_names = options.replace_names;
  out.trackers = parse_tiers(options.announce);
  out.web_seeds = parse_web_seeds(options.web_seeds);
  out.is_private = options.is_private;
  out.source = options.source;
  out.comment = options.comment;
  if (!options.no_created_by) out.created_by = fmt::format("barter/{}", version);
  if (!options.no_date) out.creation_date = current_date();
  return out;
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// Where the torrent goes: beside nothing, in the working folder, unless told otherwise.
std::string output_path(const Options& options, const std::string& name) {
  const std::string file = name + ".torrent";
  if (options.output.empty()) return file;
  if (options.output == "-") return "-";
  if (options.output.ends_with('/')) return options.output + file;
  if (is_folder(options.output)) return options.output + "/" + file;
  return options.output;
}

boost::json::object describe(const CreatePlan& plan) {
  const LeftOut& left_out = plan.walk.left_out;
  return {{"name", plan.name},
          {"total_size", plan.walk.total_size},
          {"files", plan.walk.files.size()},
          {"piece_length", plan.piece_length},
          {"replaced_names", plan.walk.replaced.size()},
          {"left_out",
           {{"excluded", left_out.excluded},
            {"hidden", left_out.hidden},
            {"empty_folders", left_out.empty_folders}}}};
}

boost::json::object describe(const CreatedTorrent& torrent, const std::string& path) {
  const Metainfo& metainfo = *torrent.metainfo;
  const InfoHash& hash = metainfo.info_hash();
  boost::json::object out{{"name", metainfo.name()},
                          {"output", path},
                          {"total_size", metainfo.content_size()},
                          {"piece_length", metainfo.layout().piece_length()},
                          {"pieces", metainfo.layout().piece_count()}};
  out["v1_info_hash"] = hash.v1 ? boost::json::value(to_hex(*hash.v1)) : nullptr;
  out["v2_info_hash"] = hash.v2 ? boost::json::value(to_hex(*hash.v2)) : nullptr;
  return out;
}

int show_plan(const CreatePlan& plan, Output& output) {
  boost::json::array files;
  for (const WalkedFile& file : plan.walk.files) {
    const std::string path = fmt::format("{}", fmt::join(file.path, "/"));
    const std::string shown = path.empty() ? plan.name : plan.name + "/" + path;
    output.print(fmt::format("{:>12}  {}", file.stamp.size, shown));
    if (output.json()) files.push_back({{"path", shown}, {"size", file.stamp.size}});
  }
  output.print(fmt::format("{}: {}, {}, pieces of {}; nothing written", plan.name,
                           counted(plan.walk.files.size(), "file"),
                           format_size(plan.walk.total_size), format_size(plan.piece_length)));
  boost::json::object fields = describe(plan);
  fields["files"] = std::move(files);
  fields["dry_run"] = true;
  output.result(std::move(fields));
  return exit_done;
}

// Who asks for another version than everybody reads should know whom that leaves out.
void tell_readers(const Metainfo& metainfo, Output& output) {
  if (!metainfo.has_v1()) {
    output.message(
        "v2 alone cannot be traded by barter yet, nor read by Transmission or aria2; "
        "--hybrid has both versions");
  } else if (metainfo.info_hash().v2) {
    output.message(
        "aria2 1.36 and Transmission 3.00 cannot read hybrid torrents; without --hybrid "
        "everybody can");
  }
}

// Writes the torrent and tells about it.
int deliver(const CreatedTorrent& torrent, const CreatePlan& plan, const std::string& path,
            const Options& options, Output& output) {
  const Metainfo& metainfo = *torrent.metainfo;
  output.end_progress();
  if (path == "-") {
    output.print_raw(torrent.bytes);
    return exit_done;
  }
  const auto written = write_file(path, torrent.bytes, options.force);
  if (!written) return output.fail(written.error());
  output.print(path);
  output.message(fmt::format("{}: {}, {} in {} of {}", metainfo.name(),
                             counted(std::max<std::size_t>(1, plan.walk.files.size()), "file"),
                             format_size(metainfo.content_size()),
                             counted(metainfo.layout().piece_count(), "piece"),
                             format_size(metainfo.layout().piece_length())));
  if (const auto& v1 = metainfo.info_hash().v1) output.message("info-hash v1: " + to_hex(*v1));
  if (const auto& v2 = metainfo.info_hash().v2) output.message("info-hash v2: " + to_hex(*v2));
  tell_readers(metainfo, output);
  boost::json::object fields = describe(plan);
  for (auto& field : describe(torrent, path)) fields[field.key()] = field.value();
  output.event("complete", fields);
  if (options.sources.size() == 1) output.result(std::move(fields));
  return exit_done;
}

// An existing torrent is not looked at, whatever was asked for: it would be in itself.
std::string real_path_of(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real == nullptr ? std::string() : std::string(real.get());
}

std::optional<Error> already_there(const std::string& path, const Options& options) {
  if (path == "-" || options.force || options.dry_run || !path_exists(path)) return std::nullopt;
  return Error{Errc::already_exists, fmt::format("{}: exists; --force overwrites it", path)};
}

CreateProgress progress_of(const std::string& source, Output& output) {
  return [&output, source](std::uint64_t done, std::uint64_t total) {
    output.hashing({done, total, source});
    return !signals::stop_requested();
  };
}

int create_of_stream(const Options& options, const CreateOptions& create, Output& output) {
  const std::string path = output_path(options, create.name);
  if (const auto there = already_there(path, options)) return output.fail(*there);
  const auto torrent = create_torrent_of_stream(STDIN_FILENO, create, progress_of("-", output));
  if (!torrent) return fail(output, torrent.error());
  CreatePlan plan;
  plan.name = create.name;
  plan.piece_length = torrent->metainfo->layout().piece_length();
  plan.walk.files.resize(1);
  return deliver(*torrent, plan, path, options, output);
}

int create_of_source(const std::string& source, const Options& options, CreateOptions create,
                     Output& output) {
  // The name alone is needed first: it says where the torrent goes, and that file is left out.
  const std::string name = create.name.empty() ? source_name(source) : create.name;
  const std::string path = output_path(options, name);
  if (const auto there = already_there(path, options)) return output.fail(*there);
  create.walk.skip = real_path_of(path);
  const auto plan = plan_torrent(source, create);
  if (!plan) return output.fail(plan.error());
  const std::string left_out = in_words(plan->walk.left_out);
  if (!left_out.empty()) output.message("left out: " + left_out);
  const std::string replaced = in_words(plan->walk.replaced);
  if (!replaced.empty()) output.message("in the torrent: " + replaced);
  if (options.dry_run) return show_plan(*plan, output);
  const auto torrent = create_torrent(*plan, create, progress_of(source, output));
  if (!torrent) return fail(output, torrent.error());
  return deliver(*torrent, *plan, path, options, output);
}

int create(const Options& options, Output& output) {
  const CreateOptions create = create_options(options);
  const bool stream = options.sources[0] == "-";
  const bool one = options.sources.size() == 1;
  if (!one && !options.name.empty()) throw UsageError("--name: fits one source only");
  if (!one && std::count(options.sources.begin(), options.sources.end(), "-") > 0) {
    throw UsageError("standard input cannot be one of several sources");
  }
  if (!one && !options.output.empty() && !is_folder(options.output)) {
    throw UsageError("--output: must be a folder where there are several sources");
  }
  if (stream && create.name.empty()) throw UsageError("standard input needs --name");
  if (stream && options.dry_run)
    throw UsageError("standard input and --dry-run exclude each other");
  if (options.output == "-" && output.json()) {
    throw UsageError("--output - and --json exclude each other: both write to standard output");
  }
  if (create.is_private && create.trackers.empty()) {
    output.warning("a private torrent without --announce: nobody will find a peer");
  }
  if (stream) return create_of_stream(options, create, output);
  int worst = exit_done;
  for (const std::string& source : options.sources) {
    const int code = create_of_source(source, options, create, output);
    if (code > exit_signal_base) return code;
    worst = std::max(worst, code);
  }
  return worst;
}

}  // namespace

void add_create_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, line, "create", "Make torrents of files, folders or standard input",
                  examples, [options](Output& output) { return create(*options, output); });
  command
      ->add_option("SRC", options->sources,
                   "Files and folders, one torrent each; - for standard input")
      ->required();
  const auto single = [](CLI::Option* option) { option->allow_extra_args(false); };
  single(command
             ->add_option("--announce", options->announce,
                          "Tracker; again: the next tier; commas: the same tier")
             ->type_name("URL"));
  add_size_option(command, "--piece-length", options->piece_length,
                  "Default: by the size, about a thousand pieces, 16 KiB to 16 MiB");
  command->add_flag("--private", options->is_private, "Peers from the trackers only (BEP 27)");
  command->add_option("--source", options->source, "A mark that makes the info-hash another one");
  command->add_option("--comment", options->comment, "A word to whoever reads the torrent");
  single(
      command
          ->add_option("--web-seed", options->web_seeds, "Where the data lies on the web (BEP 19)")
          ->type_name("URL"));
  single(command->add_option("--include", options->include, "Only files that match")
             ->type_name("GLOB"));
  single(command->add_option("--exclude", options->exclude, "No files or folders that match")
             ->type_name("GLOB"));
  command->add_flag("--no-hidden", options->no_hidden, "No names that begin with a dot");
  command->add_flag("--follow-links", options->follow_links,
                    "Take what symbolic links lead to out of the folder, too");
  command->add_flag("--replace-names", options->replace_names,
                    "Let the torrent have simpler names where clients would change them; the files "
                    "keep theirs, and are found");
  command->add_flag("--attributes", options->attributes,
                    "Note executable and hidden files (BEP 47)");
  command->add_flag("--no-date", options->no_date, "No creation date: the same bytes every time");
  command->add_flag("--no-created-by", options->no_created_by, "Do not name barter");
  CLI::Option* v1 = command->add_flag("--v1", options->v1, "For every client (default)");
  CLI::Option* v2 = command->add_flag("--v2", options->v2, "BEP 52 alone");
  CLI::Option* hybrid = command->add_flag("--hybrid", options->hybrid, "v1 and v2 in one");
  v1->excludes(v2)->excludes(hybrid);
  v2->excludes(hybrid);
  command->add_option("--threads", options->threads, "Default: one a core")->type_name("N");
  command->add_option("--name", options->name, "Default: that of SRC");
  command
      ->add_option("--output", options->output,
                   "File or folder; - for standard output. Default: NAME.torrent here")
      ->type_name("PATH");
  command->add_flag("--force", options->force, "Overwrite an existing torrent");
  command->add_flag("--dry-run", options->dry_run,
                    "Look at the files, hash nothing, write nothing");
}

}  // namespace barter::cli
