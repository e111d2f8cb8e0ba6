#include "client/net/reply_head.hpp"

#include <catch2/catch.hpp>

namespace barter::net {
namespace {

TEST_CASE("a head ends at the first empty line") {
  CHECK_FALSE(end_of_head(""));
  CHECK_FALSE(end_of_head("HTTP/1.1 200 OK\r\nA: b\r\n"));
  CHECK_FALSE(end_of_head("HTTP/1.1 200 OK\r\n\r"));
  CHECK(end_of_head("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\n\n") == 25);
  CHECK(end_of_head("HTTP/1.1 200 OK\nA: b\n\nbody") == 22);
  CHECK(end_of_head("HTTP/1.1 200 OK\nA: b\r\n\nbody") == 23);
}

TEST_CASE("what odd servers send becomes what the standard asks for") {
  const std::string right = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
  CHECK(tidy_head(right) == right);
  CHECK(tidy_head("HTTP/1.1 200 OK\nA: b\n\n") == right);
  CHECK(tidy_head("HTTP/1.1 200\r\nA: b\r\n\r\n") == "HTTP/1.1 200 \r\nA: b\r\n\r\n");
  CHECK(tidy_head("HTTP/1.1 404 Not Found\n\n") == "HTTP/1.1 404 Not Found\r\n\r\n");
  CHECK(tidy_head("no status") == "no status \r\n");
  CHECK(tidy_head("").empty());
}

}  // namespace
}  // namespace barter::net
