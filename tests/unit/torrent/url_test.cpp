#include "torrent/url.hpp"

#include <catch2/catch.hpp>

using namespace barter;

namespace {

std::string text_of(const Result<Url>& url) {
  return url ? to_string(*url) : url.error().message;
}
std::string round(std::string_view text) {
  return text_of(Url::parse(text));
}

}  // namespace

TEST_CASE("a URL is cut into its parts") {
  const Url url = Url::parse("HTTP://user:pw@Tracker.Example:8080/a/b%20c?x=1&y=2#top").value();
  CHECK(url.scheme == "http");
  CHECK(url.userinfo == "user:pw");
  CHECK(url.host == "tracker.example");
  CHECK(url.port == 8080);
  CHECK(url.path == "/a/b%20c");
  CHECK(url.query == "x=1&y=2");
  CHECK(url.target() == "/a/b%20c?x=1&y=2");
  CHECK(url.authority() == "tracker.example:8080");
  CHECK(to_string(url) == "http://user:pw@tracker.example:8080/a/b%20c?x=1&y=2");
}

TEST_CASE("ports default to those of the scheme, udp has none") {
  CHECK(Url::parse("http://a").value().port == 80);
  CHECK(Url::parse("https://a/").value().port == 443);
  CHECK(Url::parse("http://a:/x").value().port == 80);
  CHECK(Url::parse("https://a:80").value().authority() == "a:80");
  CHECK(round("http://a:80") == "http://a/");
  CHECK(round("https://a?x") == "https://a/?x");
  CHECK(round("udp://a:6969") == "udp://a:6969");
  CHECK(round("udp://a:80/announce") == "udp://a:80/announce");
  CHECK(round("udp://a/announce").starts_with("URL: host: the port is missing"));
}

TEST_CASE("IPv6 hosts stand in brackets") {
  const Url url = Url::parse("http://[2001:db8::1]:81/x").value();
  CHECK(url.host == "2001:db8::1");
  CHECK(url.port == 81);
  CHECK(url.authority() == "[2001:db8::1]:81");
  CHECK(round("http://[::1]") == "http://[::1]/");
  CHECK(Url::parse("http://::1/").has_error());
  CHECK(Url::parse("http://[::1/").has_error());
  CHECK(Url::parse("http://[::1%25eth0]/").has_error());
}

TEST_CASE("what is no URL of ours is refused in one line") {
  for (const char* bad : {"",
                          "a",
                          "/a",
                          "//a/b",
                          "ftp://a/",
                          "file:///etc/passwd",
                          "http:/a",
                          "http:a",
                          "http://",
                          "http:///x",
                          "http://a:0/",
                          "http://a:65536/",
                          "http://a:-1/",
                          "http://a b/",
                          "http://a%41/",
                          "http://a\\b/",
                          "http://a/\r\nHost: b",
                          "http://a/\x7f",
                          "http://\xc3\xa9/",
                          "1http://a",
                          "wss://a/",
                          "http://a:80:80/",
                          "javascript:alert(1)"}) {
    const auto url = Url::parse(bad);
    CAPTURE(bad);
    REQUIRE(url.has_error());
    CHECK(url.error().code == Errc::invalid_url);
    CHECK(url.error().message.starts_with("URL: "));
    CHECK(url.error().message.find('\n') == std::string::npos);
  }
  CHECK(Url::parse("http://a/" + std::string(9000, 'x')).has_error());
  CHECK(Url::parse(std::string_view("http://a/\0", 10)).has_error());
}

TEST_CASE("what people write is encoded as browsers do") {
  CHECK(round("http://a/b c/\xc3\xa9\"<>?q=d e") == "http://a/b%20c/%C3%A9%22%3C%3E?q=d%20e");
  CHECK(round("  http://a/  ") == "http://a/");
  CHECK(round("http://a@b@c/") == "http://a@b@c/");
  CHECK(Url::parse("http://a@b@c/").value().host == "c");
  CHECK(Url::parse("http://good.example\\@evil.example/").value().host == "evil.example");
}

TEST_CASE("redirects are resolved as RFC 3986 says") {
  const Url base = Url::parse("http://a/b/c/d;p?q").value();
  const std::pair<const char*, const char*> cases[] = {
      {"https://x/y", "https://x/y"}, {"//x:81/y", "http://x:81/y"},
      {"/g", "http://a/g"},           {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},      {"g/", "http://a/b/c/g/"},
      {"?y", "http://a/b/c/d;p?y"},   {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},   {"g#s", "http://a/b/c/g"},
      {";x", "http://a/b/c/;x"},      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},         {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},          {"../g", "http://a/b/g"},
      {"../..", "http://a/"},         {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},   {"/../g", "http://a/g"},
      {"/./g", "http://a/g"},         {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},    {"./g/.", "http://a/b/c/g/"},
      {"g/../h", "http://a/b/c/h"},   {"g?y/../x", "http://a/b/c/g?y/../x"}};
  for (const auto& [reference, expected] : cases) {
    CAPTURE(reference);
    CHECK(text_of(base.resolve(reference)) == expected);
  }
  CHECK(base.resolve("ftp://a/").has_error());
  CHECK(base.resolve("file:/etc/passwd").has_error());
  CHECK(base.resolve("/a\nb").has_error());
  CHECK(text_of(Url::parse("http://a").value().resolve("x")) == "http://a/x");
}

TEST_CASE("an origin is scheme, host and port") {
  const Url url = Url::parse("http://a:80/x").value();
  CHECK(url.same_origin(Url::parse("http://A/y?z").value()));
  CHECK_FALSE(url.same_origin(Url::parse("https://a:80/x").value()));
  CHECK_FALSE(url.same_origin(Url::parse("http://a:81/x").value()));
  CHECK_FALSE(url.same_origin(Url::parse("http://b/x").value()));
}

TEST_CASE("percent-encoding round-trips every byte") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  const std::string encoded = percent_encode(bytes);
  CHECK(percent_decode(encoded) == bytes);
  CHECK(percent_encode("aZ09-._~") == "aZ09-._~");
  CHECK(percent_encode("a b/\xff") == "a%20b%2F%FF");
  CHECK(percent_decode("%2f+") == "/+");
  CHECK_FALSE(percent_decode("%"));
  CHECK_FALSE(percent_decode("%2"));
  CHECK_FALSE(percent_decode("%zz"));
  CHECK(percent_decode("") == "");
}

TEST_CASE("secrets are hidden from logs and the rest stays readable") {
  CHECK(redacted("http://tracker.example:6969/announce") == "http://tracker.example:6969/announce");
  CHECK(redacted("udp://tracker.opentracker.com:80/announce") ==
        "udp://tracker.opentracker.com:80/announce");
  CHECK(redacted("http://[::1]:80/announce") == "http://[::1]:80/announce");
  CHECK(redacted("http://a/0123456789abcdef0123456789abcdef/announce") == "http://a/***/announce");
  CHECK(redacted("http://a/announce/AbCdEfGh12345") == "http://a/announce/***");
  CHECK(redacted("http://a/announce.php?passkey=hunter") == "http://a/announce.php?passkey=***");
  CHECK(redacted("http://a/announce?passkey=abc&port=6881&x=y") ==
        "http://a/announce?passkey=***&port=6881&x=y");
  CHECK(redacted("http://a/announce?0123456789abcdef") == "http://a/announce?***");
  CHECK(redacted("http://me:secret@a/x") == "http://***@a/x");
  CHECK(redacted("http://a//me:secret@b") == "http://a//***");
  CHECK(redacted("http://a/?uploaded=me:pw@h&left=12&event=started") ==
        "http://a/?uploaded=***&left=12&event=started");
  CHECK(redacted("me:pw@h://x") == "***@h://x");
  CHECK(redacted("http://0123abcd4567ef89.a.org/announce") == "http://***.a.org/announce");
  CHECK(redacted("http://a/550e8400-e29b-41d4-a716-446655440000/announce") ==
        "http://a/***/announce");
  CHECK(redacted("http://a/debian-12.5.0-amd64-netinst.iso.torrent") ==
        "http://a/debian-12.5.0-amd64-netinst.iso.torrent");
  CHECK(redacted("http://a/x\x1b[2J") == "http://a/x%1B[2J");
  CHECK(redacted("not a url") == "not%20a%20url");
  CHECK(redacted("").empty());
}
