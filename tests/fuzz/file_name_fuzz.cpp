// File names: paths separated by a zero byte, elements by a one. Cleaned paths stay below the root
// and apart, and cleaning a second time changes nothing.
#include <set>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.hpp"
#include "torrent/file_name.hpp"
#include "torrent/utf8.hpp"

using namespace barter;
using fuzz::require;

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t end = std::min(text.find(separator), text.size());
    out.push_back(text.substr(0, end));
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

void check_element(std::string_view element) {
  require(!element.empty() && element != "." && element != "..", "an element is a name");
  require(element.size() <= max_name_bytes && is_utf8(element), "an element is short text");
  require(element.find('/') == element.npos && element.find('\\') == element.npos, "separators");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> paths;
  for (const std::string_view path : split(fuzz::text_of(data, size), '\0')) {
    const auto elements = split(path, '\1');
    for (const std::string_view element : elements) {
      const std::string clean = clean_name(element);
      check_element(clean);
      require(clean_name(clean) == clean, "clean names stay as they are");
    }
    paths.push_back("root");
    append_clean_path(paths.back(), elements);
  }
  std::vector<std::string*> pointers;
  for (std::string& path : paths) pointers.push_back(&path);
  make_paths_unique(pointers);
  std::set<std::string_view> files, folders;
  for (const std::string& path : paths) {
    require(path.starts_with("root/") && path.size() <= max_path_bytes, "below the root");
    const auto elements = split(path, '/');
    require(elements.size() <= max_path_elements, "not too deep");
    for (const std::string_view element : elements) check_element(element);
    require(files.insert(path).second, "unique");
    for (std::size_t at = path.find('/'); at != path.npos; at = path.find('/', at + 1)) {
      folders.insert(std::string_view(path).substr(0, at));
    }
  }
  for (const std::string_view folder : folders) {
    require(!files.contains(folder), "no file is a folder");
  }
  return 0;
}
