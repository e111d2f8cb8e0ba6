#include "cli/state_folder.hpp"

#include <unistd.h>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>

#include "cli/output.hpp"
#include "tests/temporary_folder.hpp"

using namespace barter;
using namespace barter::cli;
namespace fs = std::filesystem;

namespace {

constexpr const char* variables[] = {"STATE_DIRECTORY", "XDG_STATE_HOME", "HOME",
                                     "XDG_RUNTIME_DIR"};

// None of the variables is set, until a test sets it; then all is as before.
struct Bare {
  Bare() {
    for (const char* name : variables) {
      if (const char* value = std::getenv(name)) before[name] = value;
      ::unsetenv(name);
    }
    fs::create_directory(folder / "home");
    Output::Settings settings;
    settings.out = [](std::string_view) { return 0; };
    settings.err = [this](std::string_view text) { told += text; };
    settings.steady = std::chrono::steady_clock::now;
    settings.wall = std::chrono::system_clock::now;
    settings.columns = settings.rows = [] { return std::size_t{80}; };
    output.emplace(std::move(settings));
  }
  ~Bare() {
    for (const char* name : variables) ::unsetenv(name);
    for (const auto& [name, value] : before) ::setenv(name.c_str(), value.c_str(), 1);
  }
  void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }
  std::string found() { return state_folder("", &*output).value(); }

  const test::TemporaryFolder folder;
  std::map<std::string, std::string> before;
  std::string told;
  std::optional<Output> output;
};

}  // namespace

TEST_CASE("the state is where systemd, the desktop or the home have it", "[state_folder]") {
  Bare bare;
  bare.set("HOME", bare.folder / "home");
  CHECK(bare.found() == bare.folder / "home/.local/state/barter");
  bare.set("XDG_STATE_HOME", "relative");
  CHECK(bare.found() == bare.folder / "home/.local/state/barter");
  bare.set("XDG_STATE_HOME", bare.folder / "xdg");
  CHECK(bare.found() == bare.folder / "xdg/barter");
  bare.set("STATE_DIRECTORY", "/var/lib/one:/var/lib/two");
  CHECK(bare.found() == "/var/lib/one");
  CHECK(state_folder("/given", &*bare.output).value() == "/given");
  CHECK(bare.told.empty());
}

TEST_CASE("without a home the state is in a private folder, and that is told", "[state_folder]") {
  Bare bare;
  bare.set("XDG_RUNTIME_DIR", bare.folder.path());
  const std::string place = bare.folder.path() + "/barter";
  for (const char* home :
       {static_cast<const char*>(nullptr), "relative", "/nonexistent/home", "/dev/null/home"}) {
    if (home != nullptr) bare.set("HOME", home);
    if (home != nullptr && geteuid() == 0 && std::string(home) == "/nonexistent/home")
      continue;  // root makes it
    bare.told.clear();
    CHECK(bare.found() == place);
    CHECK(fs::status(place).permissions() == fs::perms::owner_all);
    CHECK(bare.told.find(place) != std::string::npos);
    CHECK(bare.told.find("hashed again") != std::string::npos);
  }
  CHECK(state_folder_if_any("") == place);
}

TEST_CASE("what others may write into, or have put there, is no place for the state",
          "[state_folder]") {
  Bare bare;
  bare.set("XDG_RUNTIME_DIR", bare.folder.path());
  const std::string place = bare.folder.path() + "/barter";
  const fs::path elsewhere = bare.folder / "elsewhere";
  fs::create_directory(elsewhere);
  fs::permissions(elsewhere, fs::perms::owner_all);
  fs::create_directory_symlink(elsewhere, place);
  CHECK(bare.found() != place);
  fs::remove(place);
  fs::create_directory(place);
  fs::permissions(place, fs::perms::all);
  CHECK(bare.found() != place);
  CHECK(fs::is_empty(place));
}
