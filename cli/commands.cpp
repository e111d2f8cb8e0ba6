// The list of commands, in the order of `barter --help`.
#include "cli/command.hpp"

namespace barter::cli {

void add_all_commands(CLI::App& app, CommandLine& line) {
  add_create_command(app, line);
  add_show_command(app, line);
  add_verify_command(app, line);
  add_magnet_command(app, line);
  add_edit_command(app, line);
  add_tracker_command(app, line);
  add_share_command(app, line);
  add_get_command(app, line);
  add_seed_command(app, line);
  add_state_command(app, line);
  add_dht_command(app, line);
  add_simulate_command(app, line);
  add_completion_command(app, line);
}

}  // namespace barter::cli
