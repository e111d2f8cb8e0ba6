// URLs: what is read prints to itself, redirects stay within http, and logs get no raw bytes.
#include "tests/fuzz/fuzz.hpp"
#include "torrent/escape.hpp"
#include "torrent/url.hpp"
#include "torrent/utf8.hpp"

using namespace barter;
using fuzz::require;

namespace {

bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (c <= 0x20 || c >= 0x7f) return false;
  }
  return true;
}

void check(const Url& url) {
  const std::string printed = to_string(url);
  require(is_plain(printed), "a URL is plain");
  require(url.port != 0 && !url.host.empty(), "a URL leads somewhere");
  require(!url.is_http() || url.path.starts_with('/'), "a path begins with a slash");
  const auto again = Url::parse(printed);
  if (!again && printed.size() > max_url_bytes) return;  // encoding made it longer
  require(again.has_value(), "a printed URL is a URL");
  require(*again == url, "a printed URL says the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  // Up to the first line feed: a base. Behind it: where it redirects to.
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string_view base = input.substr(0, line);
  const std::string_view reference = line < size ? input.substr(line + 1) : std::string_view();
  if (const auto url = Url::parse(base)) {
    check(*url);
    if (const auto target = url->resolve(reference)) check(*target);
    // What stands for a name is "***", and that may be the name.
    require(std::string_view("***").ends_with(url->userinfo) ||
                redacted(to_string(*url)).find(url->userinfo + "@") == std::string::npos,
            "user names are hidden");
  }
  require(is_plain(redacted(input)), "what is logged is plain");
  const std::string encoded = percent_encode(input);
  require(is_plain(encoded) || input.empty(), "encoded text is plain");
  require(percent_decode(encoded) == input, "encoding can be undone");
  (void)percent_decode(input);
  const std::string escaped = escape(input);
  require(is_utf8(escaped), "escaped text is UTF-8");
  for (const char c : escaped) require(static_cast<unsigned char>(c) >= 0x20, "no controls");
  return 0;
}
