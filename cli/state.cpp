// barter state: what the program remembers, and how to be rid of it.
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include "cli/command.hpp"
#include "cli/sizes.hpp"
#include "cli/state_entries.hpp"
#include "cli/state_folder.hpp"
#include "cli/text.hpp"

namespace barter::cli {
namespace {

using std::chrono::system_clock;

constexpr const char* examples =
    "  barter state list\n"
    "  barter state forget --missing              what belongs to data that is gone\n"
    "  barter state forget /srv/old/disk.img      or a name, or an info-hash";

struct Options {
  std::string action, state_folder;
  std::vector<std::string> what;
  bool missing = false;
};

std::string_view to_string(DataState data) {
  switch (data) {
    case DataState::there:
      return "there";
    case DataState::gone:
      return "gone";
    case DataState::not_mounted:
      return "not_mounted";
    case DataState::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view to_string(StateEntry::Kind kind) {
  switch (kind) {
    case StateEntry::Kind::transfer:
      return "transfer";
    case StateEntry::Kind::share:
      return "share";
    case StateEntry::Kind::seed:
      return "seed";
  }
  return "transfer";
}

boost::json::object to_json(const StateEntry& entry) {
  boost::json::object out{{"kind", to_string(entry.kind)},
                          {"id", entry.id},
                          {"name", nullptr},
                          {"info_hash", nullptr},
                          {"path", nullptr},
                          {"size", entry.size},
                          {"state_bytes", entry.bytes},
                          {"used", format_time(entry.used)},
                          {"data", to_string(entry.data)},
                          {"missing_since", nullptr}};
  if (!entry.name.empty()) out["name"] = valid_utf8(entry.name);
  if (!entry.info_hash.empty()) out["info_hash"] = entry.info_hash;
  if (!entry.path.empty()) out["path"] = valid_utf8(entry.path);
  if (entry.missing_since) out["missing_since"] = format_time(*entry.missing_since);
  return out;
}

std::string line_of(const StateEntry& entry) {
  const std::string_view note = entry.data == DataState::gone          ? "  gone"
                                : entry.data == DataState::not_mounted ? "  not mounted"
                                                                       : "";
  return fmt::format("{}  {:8}  {:>10}  {:>10}  {}  {}{}",
                     entry.info_hash.empty() ? std::string(8, '-') : entry.info_hash.substr(0, 8),
                     to_string(entry.kind), format_size(entry.size), format_size(entry.bytes),
                     format_time(entry.used).substr(0, 10),
                     !entry.path.empty()   ? entry.path
                     : !entry.name.empty() ? entry.name
                                           : "of an earlier version; its place is not known",
                     note);
}

bool is_meant(const StateEntry& entry, const std::string& what) {
  if (what == entry.id || (!entry.name.empty() && what == entry.name)) return true;
  constexpr std::size_t least_digits = 8;
  if (what.size() >= least_digits && entry.info_hash.starts_with(what)) return true;
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(what, error);
  return !error && !entry.path.empty() && path == entry.path;
}

int list(const std::vector<StateEntry>& entries, Output& output) {
  boost::json::array all;
  std::uint64_t bytes = 0;
  if (!entries.empty()) {
    output.print(fmt::format("{:8}  {:8}  {:>10}  {:>10}  {:10}  {}", "torrent", "kind", "data",
                             "state", "last used", "place"));
  }
  for (const StateEntry& entry : entries) {
    output.print(line_of(entry));
    bytes += entry.bytes;
    if (output.json()) all.push_back(to_json(entry));
  }
  output.message(fmt::format("{} entries, {}", entries.size(), format_size(bytes)));
  output.result({{"action", "list"}, {"entries", std::move(all)}});
  return exit_done;
}

int forget(const Options& options, const std::string& folder,
           const std::vector<StateEntry>& entries, Output& output) {
  if (options.what.empty() && !options.missing) {
    throw UsageError("state forget: name a path, a torrent or an info-hash, or give --missing");
  }
  std::vector<StateEntry> chosen;
  for (const StateEntry& entry : entries) {
    const bool named = std::any_of(options.what.begin(), options.what.end(),
                                   [&](const auto& what) { return is_meant(entry, what); });
    const bool wanted = options.what.empty() || named;
    if (wanted && (!options.missing || entry.data == DataState::gone)) chosen.push_back(entry);
  }
  for (const std::string& what : options.what) {
    if (std::none_of(entries.begin(), entries.end(),
                     [&](const StateEntry& entry) { return is_meant(entry, what); })) {
      return output.fail(
          Error{Errc::not_found, fmt::format("nothing is remembered of {}", cli::quoted(what))});
    }
  }
  boost::json::array forgotten;
  int code = exit_done;
  for (const StateEntry& entry : chosen) {
    if (auto done = forget_entry(folder, entry); !done) {
      code = output.fail(done.error());
      continue;
    }
    output.print(line_of(entry));
    forgotten.push_back(to_json(entry));
  }
  output.message(fmt::format("{} forgotten", forgotten.size()));
  output.result({{"action", "forget"}, {"entries", std::move(forgotten)}});
  return code;
}

int state(const Options& options, Output& output) {
  if (options.action == "list" && !options.what.empty()) {
    throw UsageError("state list: it takes no names");
  }
  const auto folder = state_folder(options.state_folder);
  if (!folder) return output.fail(folder.error());
  auto entries = list_state(*folder, current_mounts());
  if (options.action == "forget") return forget(options, *folder, entries, output);
  if (options.missing) {
    std::erase_if(entries, [](const StateEntry& e) { return e.data != DataState::gone; });
  }
  return list(entries, output);
}

}  // namespace

void add_state_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, line, "state", "List or forget what barter remembers", examples,
                  [options](Output& output) { return state(*options, output); });
  command
      ->add_option("ACTION", options->action,
                   "list: torrents, where their data is, sizes and last use; forget: no longer "
                   "know of these, the data stays")
      ->required()
      ->check(CLI::IsMember({"list", "forget"}).description(""))
      ->type_name("list|forget");
  command
      ->add_option("WHAT", options->what,
                   "Of forget: a path, a torrent's name, or its info-hash (8 digits or more)")
      ->type_name("PATH");
  command->add_flag("--missing", options->missing,
                    "Only of what is gone, and whose file system is mounted");
  command
      ->add_option("--state-dir", options->state_folder,
                   "The state folder; default: $XDG_STATE_HOME/barter")
      ->type_name("DIR");
}

}  // namespace barter::cli
