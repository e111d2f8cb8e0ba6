// The program without its process: parses the command line and runs the command. main() and the
// tests call it.
#pragma once

#include "cli/output.hpp"

#include <functional>
#include <string>
#include <vector>

namespace barter::cli {

// Returns the exit code. `settings(json)` makes the Output once it is
// known whether --json was given.
int run_program(const std::vector<std::string>& arguments,
                const std::function<Output::Settings(bool json)>& settings);

}  // namespace barter::cli
