#include "cli/metrics.hpp"

#include <fmt/format.h>

namespace barter::cli {
namespace {

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

void Metrics::add(std::string_view name, std::string_view type, std::string_view help,
                  const Labels& labels, double value) {
  if (name != last_name_) {
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    last_name_ = name;
  }
  text_ += name;
  const char* between = "{";
  for (const auto& [label, text] : labels) {
    text_ += fmt::format("{}{}=\"{}\"", between, label, escaped(text));
    between = ",";
  }
  if (!labels.empty()) text_ += '}';
  text_ += fmt::format(" {}\n", value);
}

}  // namespace barter::cli
