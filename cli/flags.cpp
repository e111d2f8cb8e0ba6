#include "cli/flags.hpp"

#include "cli/command.hpp"
#include "torrent/text_encoding.hpp"
#include "torrent/url.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <ctime>

namespace barter::cli {
namespace {

std::vector<std::string> split_commas(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

template <class T>
T parse_one(const std::string& flag, const std::string& text) {
  auto out = T::parse(text);
  if (!out) throw UsageError(fmt::format("{}: {}", flag, out.error().message));
  return std::move(*out);
}

template <class T>
std::vector<T> parse_each(const std::string& flag, const std::vector<std::string>& values) {
  std::vector<T> out;
  for (const std::string& text : values) out.push_back(parse_one<T>(flag, text));
  return out;
}

}  // namespace

std::vector<std::vector<std::string>> parse_tiers(const std::vector<std::string>& values) {
  std::vector<std::vector<std::string>> out;
  for (const std::string& value : values) {
    std::vector<std::string> tier = split_commas(value);
    if (tier.empty()) throw UsageError("--announce: no URL given");
    for (const std::string& url : tier) parse_one<Url>("--announce", url);
    out.push_back(std::move(tier));
  }
  return out;
}

std::vector<std::string> parse_web_seeds(const std::vector<std::string>& values) {
  for (const std::string& text : values) {
    if (!parse_one<Url>("--web-seed", text).is_http()) {
      throw UsageError(fmt::format("--web-seed: {} is not http or https", redacted(text)));
    }
  }
  return values;
}

void add_encoding_option(CLI::App* command, std::string& encoding) {
  command
      ->add_option("--encoding", encoding,
                   "Read names that are not UTF-8 as in this encoding, such as GBK or Shift_JIS, "
                   "whatever the torrent says")
      ->check([](const std::string& name) {
        if (TextEncoding::find(name)) return std::string();
        return fmt::format("{}: not known; known are {}", name, TextEncoding::known());
      })
      ->type_name("NAME");
}

std::vector<Glob> parse_globs(const std::string& flag, const std::vector<std::string>& patterns) {
  return parse_each<Glob>(flag, patterns);
}

std::vector<HostPort> parse_peers(const std::vector<std::string>& values, const std::string& flag) {
  return parse_each<HostPort>(flag, values);
}

std::vector<Address> parse_addresses(const std::string& flag,
                                     const std::vector<std::string>& values) {
  std::vector<Address> out;
  for (const std::string& text : values) {
    const auto address = Address::parse(text);
    if (!address) throw UsageError(fmt::format("{}: '{}' is no IP address", flag, text));
    out.push_back(*address);
  }
  return out;
}

std::int64_t current_date() {
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
  if (epoch == nullptr || *epoch == '\0') return std::time(nullptr);
  const std::string_view text = epoch;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || seconds < 0) {
    throw UsageError(fmt::format("SOURCE_DATE_EPOCH is '{}', not a number of seconds", text));
  }
  return seconds;
}

}  // namespace barter::cli
