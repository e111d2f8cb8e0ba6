// barter edit: changes trackers, web seeds, comment and date of a
// torrent; on request what is in `info`.
#include "torrent/edit.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/torrent_source.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/write_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <memory>

namespace barter::cli {
namespace {

constexpr const char* examples =
    "  barter edit film.torrent --announce http://tracker.example:6969/announce\n"
    "  barter edit film.torrent --no-announce --comment 'new home' --output other.torrent\n"
    "  barter edit film.torrent --private --source MINE        (another info-hash)";

struct Options {
  std::string torrent, output, comment, date, source;
  std::vector<std::string> announce, web_seeds;
  bool no_announce = false, no_web_seeds = false, no_comment = false, no_date = false;
  bool is_private = false, is_public = false, no_source = false, force = false;
};

// Unix seconds, or "now".
std::int64_t parse_date(const std::string& text) {
  if (text == "now") return current_date();
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || seconds < 0) {
    throw UsageError(fmt::format("--date: '{}' is neither 'now' nor seconds since 1970", text));
  }
  return seconds;
}

TorrentEdit edit_of(const Options& options) {
  TorrentEdit edit;
  if (!options.announce.empty()) edit.trackers = parse_tiers(options.announce);
  if (options.no_announce) edit.trackers.emplace();
  if (!options.web_seeds.empty()) edit.web_seeds = parse_web_seeds(options.web_seeds);
  if (options.no_web_seeds) edit.web_seeds.emplace();
  if (!options.comment.empty()) edit.comment = options.comment;
  if (options.no_comment) edit.comment.emplace();
  if (!options.date.empty()) edit.creation_date = parse_date(options.date);
  if (options.no_date) edit.creation_date.emplace(std::nullopt);
  if (options.is_private || options.is_public) edit.is_private = options.is_private;
  if (!options.source.empty()) edit.source = options.source;
  if (options.no_source) edit.source.emplace();
  const bool nothing = !edit.trackers && !edit.web_seeds && !edit.comment && !edit.creation_date &&
                       !edit.alters_info();
  if (nothing) throw UsageError("nothing to change");
  return edit;
}

void tell_hashes(const char* which, const InfoHash& hash, Output& output) {
  if (hash.v1) output.print(fmt::format("{} info-hash v1: {}", which, to_hex(*hash.v1)));
  if (hash.v2) output.print(fmt::format("{} info-hash v2: {}", which, to_hex(*hash.v2)));
}

int edit(const Options& options, Output& output) {
  const TorrentEdit change = edit_of(options);
  const auto bytes = read_file(options.torrent, MetainfoLimits().bytes);
  if (!bytes) return output.fail(bytes.error());
  const auto in_file = [&](const Error& error) {
    return output.fail(Error{error.code, fmt::format("{}: {}", options.torrent, error.message)});
  };
  const auto before = Metainfo::parse(*bytes);
  if (!before) return in_file(before.error());
  const auto edited = edit_torrent(*bytes, change);
  if (!edited) return in_file(edited.error());
  const auto after = Metainfo::parse(*edited);
  if (!after) return in_file(after.error());
  const bool elsewhere = !options.output.empty() && options.output != options.torrent;
  const std::string& path = elsewhere ? options.output : options.torrent;
  const auto written = write_file(path, *edited, !elsewhere || options.force);
  if (!written) return output.fail(written.error());

  boost::json::object fields = torrent_fields(**after);
  const bool altered = (*before)->info_hash() != (*after)->info_hash();
  if (altered) {
    tell_hashes("old", (*before)->info_hash(), output);
    tell_hashes("new", (*after)->info_hash(), output);
    const boost::json::object old = torrent_fields(**before);
    fields["old_v1_info_hash"] = old.at("v1_info_hash");
    fields["old_v2_info_hash"] = old.at("v2_info_hash");
  }
  output.message(fmt::format(
      "{}: {}", path, altered ? "changed, and its info-hash with it" : "changed; same info-hash"));
  fields["output"] = path;
  fields["info_hash_changed"] = altered;
  output.result(std::move(fields));
  return exit_done;
}

}  // namespace

void add_edit_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, line, "edit", "Change trackers, web seeds, comment or date of a torrent",
                  examples, [options](Output& output) { return edit(*options, output); });
  command->add_option("TORRENT", options->torrent, "A .torrent file, changed in place")->required();
  const auto pair = [](CLI::Option* one, CLI::Option* other) { one->excludes(other); };
  pair(command
           ->add_option("--announce", options->announce,
                        "Trackers instead of those there; again: the next tier; commas: the same")
           ->allow_extra_args(false)
           ->type_name("URL"),
       command->add_flag("--no-announce", options->no_announce, "No trackers"));
  pair(command->add_option("--web-seed", options->web_seeds, "Web seeds instead of those there")
           ->allow_extra_args(false)
           ->type_name("URL"),
       command->add_flag("--no-web-seeds", options->no_web_seeds, "No web seeds"));
  pair(command->add_option("--comment", options->comment, "Another comment"),
       command->add_flag("--no-comment", options->no_comment, "No comment"));
  pair(command->add_option("--date", options->date, "Another creation date")
           ->type_name("now|SECONDS"),
       command->add_flag("--no-date", options->no_date, "No creation date"));
  pair(
      command->add_flag("--private", options->is_private, "Private from now on: another info-hash"),
      command->add_flag("--public", options->is_public, "Not private: another info-hash"));
  pair(command->add_option("--source", options->source, "Another mark: another info-hash"),
       command->add_flag("--no-source", options->no_source, "No mark: another info-hash"));
  command->add_option("--output", options->output, "Write there and leave the torrent as it is")
      ->type_name("FILE");
  command->add_flag("--force", options->force, "Overwrite an existing --output");
}

}  // namespace barter::cli
