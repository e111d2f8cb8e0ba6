#include "cli/share_options.hpp"

#include <fmt/format.h>

#include "cli/explain.hpp"
#include "cli/flags.hpp"
#include "cli/transfer.hpp"

namespace barter::cli {

CreateOptions create_options(const ShareOptions& options) {
  CreateOptions out;
  if (options.v1 && options.hybrid) throw UsageError("--v1 and --hybrid exclude each other");
  out.version = options.hybrid ? TorrentVersion::hybrid : TorrentVersion::v1;
  if (options.piece_length != 0) {
    if (auto checked = check_piece_length(options.piece_length, out.version); !checked) {
      throw UsageError("--piece-length: " + checked.error().message);
    }
    out.piece_length = static_cast<std::uint32_t>(options.piece_length);
  }
  out.threads = options.threads;
  out.is_private = !options.is_public;
  out.created_by = fmt::format("barter/{}", version);
  out.walk.hidden = !options.no_hidden;
  out.walk.replace_names = options.replace_names;
  out.walk.follow_links = options.follow_links;
  out.attributes = CreateOptions::Attributes::executable;
  out.walk.exclude = parse_globs("--exclude", options.exclude);
  return out;
}

std::string variant(const ShareOptions& options) {
  std::string out = fmt::format("{} {} {} {}", options.hybrid, options.is_public,
                                options.piece_length, options.no_hidden);
  if (options.replace_names) out += " names";
  if (options.follow_links) out += " links";
  for (const std::string& pattern : options.exclude) out += "\n" + pattern;
  return out;
}

void add_share_flags(CLI::App* command, const std::shared_ptr<ShareOptions>& options) {
  command->add_option("PATH", options->paths, "A file or folder; each becomes a torrent of its own")
      ->required();
  command
      ->add_option("--address", options->address,
                   "How others reach this machine, instead of its addresses")
      ->type_name("HOST[:PORT]");
  command
      ->add_option_function<std::uint16_t>(
          "--port",
          [options](std::uint16_t port) {
            options->port = port;
            options->has_port = true;
          },
          "For HTTP and peers (default: that of the last time, 6969, or the next free one)")
      ->type_name("PORT");
  command
      ->add_option("--listen", options->listen,
                   "Be reached at this address of ours; default: all (repeatable)")
      ->allow_extra_args(false)
      ->type_name("ADDRESS");
  command
      ->add_option("--copies", options->copies,
                   "End when this many others have everything, as far as links with them show; "
                   "each counts once, also over restarts")
      ->type_name("N");
  command
      ->add_option("--expect-hosts", options->expect_hosts,
                   "End when all hosts of this file, one HOST[:PORT] per line, have everything; "
                   "exit code 3 if one is missing at the end")
      ->type_name("FILE");
  add_duration_option(command, "--for", options->time, "End after this time");
  add_rate_option(command, "--up-limit", options->up_limit,
                  "Bytes a second, as 500KiB or 1MB; or 100Mbit");
  command->add_option("--max-peers", options->max_peers, "Connections at a time")
      ->check(CLI::Range(1u, 100'000u))
      ->type_name("N");
  command->add_flag("--public", options->is_public,
                    "Let clients find peers elsewhere too (the torrent is private otherwise)");
  command->add_flag("--no-dht", options->no_dht, "With --public: do not take part in the DHT");
  command->add_flag("--no-lsd", options->no_lsd,
                    "With --public: do not look for peers on the local network");
  command->add_flag("--v1", options->v1, "A torrent of version 1 (default)");
  command->add_flag("--hybrid", options->hybrid, "A torrent of versions 1 and 2");
  add_size_option(command, "--piece-length", options->piece_length, "Bytes in a piece");
  command->add_option("--exclude", options->exclude, "Leave out what matches; may be repeated")
      ->allow_extra_args(false)
      ->type_name("GLOB");
  command->add_flag("--no-hidden", options->no_hidden, "Leave out names that begin with a dot");
  command->add_flag("--follow-links", options->follow_links,
                    "Share what symbolic links lead to out of the folder, too");
  command->add_flag("--replace-names", options->replace_names,
                    "Let the torrent have simpler names where clients would change them");
  command
      ->add_option("--trace", options->trace_file,
                   "Write every event and decision of the swarm there")
      ->type_name("FILE");
  CLI::Option* const file =
      command
          ->add_option("--token-file", options->token_file,
                       "The token in the URLs is the first line of this file, which is made if it "
                       "is not there (default: one that is remembered)")
          ->type_name("FILE");
  command
      ->add_flag("--no-token", options->no_token,
                 "No token in the URLs: whoever reaches the port may list and fetch everything")
      ->excludes(file);
  add_explain_flag(command, options->explain);
  command->add_option("--threads", options->threads, "Threads that hash (default: one a core)")
      ->type_name("N");
  command
      ->add_option("--state-dir", options->state_dir,
                   "Where hashes and port are remembered (default ~/.local/state/barter)")
      ->type_name("DIR");
}

}  // namespace barter::cli
