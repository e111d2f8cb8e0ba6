#include "cli/share_site.hpp"

#include <catch2/catch.hpp>

#include <boost/json/parse.hpp>

#include "torrent/bencode.hpp"

using namespace barter;
using namespace barter::cli;

namespace {

const std::string torrent = "d10:created by6:barter4:infod6:lengthi1e4:name1:xee";

std::string header(const tracker::HttpReply& reply, std::string_view name) {
  for (const auto& [key, value] : reply.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace

TEST_CASE("while it is hashed a share says how far it is", "[share_site]") {
  ShareSite site({"big.iso", "a b"});
  site.set_progress(1, 100, 1000);
  const auto reply = site.answer({"/a%20b.torrent", "box:6969", {}});
  CHECK(reply.status == 503);
  CHECK(header(reply, "Retry-After") == "1");
  const auto body = boost::json::parse(reply.body).as_object();
  CHECK(body.at("state") == "hashing");
  CHECK(body.at("bytes_done").to_number<int>() == 100);
  CHECK(body.at("bytes_total").to_number<int>() == 1000);
  CHECK(boost::json::parse(site.answer({"/big.iso.torrent", "x", {}}).body).at("bytes_done") == 0);
}

TEST_CASE("the served torrent announces to where it was fetched", "[share_site]") {
  ShareSite site({"big.iso"});
  site.set_torrent(0, torrent);
  for (const std::string& host :
       std::vector<std::string>{"192.168.1.2:6969", "[fd00::2]:6969", "localhost:8080", "box"}) {
    const auto reply = site.answer({"/big.iso.torrent", host, {}});
    CHECK(reply.status == 200);
    CHECK(reply.content_type == "application/x-bittorrent");
    REQUIRE(reply.shared);
    const std::string whole = reply.body + *reply.shared;
    const auto parsed = bencode::parse(whole, {.strict = true});
    REQUIRE(parsed.has_value());
    CHECK(parsed->root().find_string("announce") == "http://" + host + "/announce");
    CHECK(parsed->root().find("info")->raw() == "d6:lengthi1e4:name1:xe");
    CHECK(parsed->root().find_string("created by") == "barter");
  }
}

TEST_CASE("a torrent is held once, and says where the peer is", "[share_site]") {
  ShareSite site({"x"});
  site.set_torrent(0, torrent);
  CHECK(header(site.answer({"/x.torrent", "h", {}}), "Barter-Peer-Port").empty());
  site.set_peer_port(6969);
  const auto one = site.answer({"/x.torrent", "h", {}}),
             other = site.answer({"/x.torrent", "elsewhere", {}});
  CHECK(header(one, "Barter-Peer-Port") == "6969");
  CHECK(one.shared == other.shared);
}

TEST_CASE("what is hashed again is served again", "[share_site]") {
  ShareSite site({"x"});
  site.set_torrent(0, torrent);
  site.set_progress(0, 10, 100);
  CHECK(site.answer({"/x.torrent", "h", {}}).status == 503);
  site.set_torrent(0, torrent);
  CHECK(site.answer({"/x.torrent", "h", {}}).status == 200);
}

TEST_CASE("a changed file is gone", "[share_site]") {
  ShareSite site({"x"});
  site.set_torrent(0, torrent);
  site.withdraw(0);
  CHECK(site.answer({"/x.torrent", "h", {}}).status == 410);
}

TEST_CASE("other paths are not found", "[share_site]") {
  ShareSite site({"x", "sub"});
  site.set_torrent(0, torrent);
  for (const char* path : {"/y.torrent", "/x", "/X.torrent", "/x.torrent/", "//x.torrent", "/%zz",
                           "/../x.torrent", "/.torrent", "/x%2etorrent%00", ""}) {
    CAPTURE(path);
    CHECK(site.answer({path, "h", {}}).status == 404);
  }
  CHECK(site.answer({"/%78.torrent", "h", {}}).status == 200);
  const auto list = site.answer({"/", "h:1", {}});
  CHECK(list.status == 200);
  CHECK(list.body ==
        "barter get http://h:1/x.torrent\n"
        "barter get http://h:1/sub.torrent\n");
}

TEST_CASE("names in URLs", "[share_site]") {
  CHECK(ShareSite({"a b/ü%.iso"}).path_of(0) == "/a%20b%2F%C3%BC%25.iso.torrent");
  CHECK(ShareSite({"x"}, "a-token9").path_of(0) == "/a-token9/x.torrent");
  CHECK(unique_names({"a", "b", "a", "a-2", "a"}) ==
        std::vector<std::string>{"a", "b", "a-3", "a-2", "a-4"});
  CHECK(unique_names({"a", "a"}) == std::vector<std::string>{"a", "a-2"});
}

TEST_CASE("whoever has the torrent is not sent it again", "[share_site]") {
  ShareSite site({"x"});
  site.set_torrent(0, torrent, "#btih=aa");
  site.set_peer_port(6969);
  const auto first = site.answer({"/x.torrent", "h", {}});
  const std::string etag = header(first, "ETag");
  REQUIRE(etag.size() == 34);
  for (const std::string& known : {etag, "\"other\", " + etag, "W/" + etag}) {
    const auto again = site.answer({"/x.torrent", "h", known});
    CHECK(again.status == 304);
    CHECK(again.body.empty());
    CHECK_FALSE(again.shared);
    CHECK(header(again, "ETag") == etag);
    CHECK(header(again, "Barter-Peer-Port") == "6969");
  }
  // The Host is in the torrent, too.
  CHECK(site.answer({"/x.torrent", "elsewhere", etag}).status == 200);
  site.set_torrent(0, "d4:infod6:lengthi2e4:name1:xee");
  CHECK(site.answer({"/x.torrent", "h", etag}).status == 200);
  ShareSite restarted({"x"});
  restarted.set_torrent(0, torrent);
  CHECK(restarted.answer({"/x.torrent", "h", etag}).status == 304);
  CHECK(restarted.answer({"/x.torrent", "h", "\"\""}).status == 200);
}

TEST_CASE("with a token nothing is found without it", "[share_site]") {
  ShareSite site({"x"}, "a-token9");
  site.set_torrent(0, torrent, "#btih=aa");
  for (const char* path :
       {"/", "/x.torrent", "/a-token/x.torrent", "/a-token99/x.torrent", "/A-TOKEN9/x.torrent",
        "//x.torrent", "/stats", "/a-token9/y.torrent", "/a-token9/stats/x.torrent", ""}) {
    CHECK(site.answer({path, "h", {}}).status == 404);
  }
  CHECK(site.answer({"/a-token9/x.torrent", "h", {}}).status == 200);
  CHECK(site.answer({"/%61-token9/x%2Etorrent", "h", {}}).status == 200);
  const std::string list = "barter get http://h:1/a-token9/x.torrent#btih=aa\n";
  CHECK(site.answer({"/a-token9/", "h:1", {}}).body == list);
  CHECK(site.answer({"/a-token9", "h:1", {}}).body == list);
  CHECK(site.path_of("stats") == "/a-token9/stats");
}
