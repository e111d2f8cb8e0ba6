#include "torrent/edit.hpp"

#include <catch2/catch.hpp>

using namespace barter;

namespace {

const std::string info =
    "d6:lengthi5e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae";

std::string edited(const std::string& torrent, const TorrentEdit& edit) {
  auto result = edit_torrent(torrent, edit);
  if (!result) FAIL(result.error().message);
  return *result;
}

}  // namespace

TEST_CASE("what is not named stays as it is, unknown keys included", "[edit]") {
  const std::string torrent =
      "d8:announce8:http://a7:comment3:old4:info" + info + "5:otherd1:ai1eee";
  CHECK(edited(torrent, {}) == torrent);
  TorrentEdit edit;
  edit.comment = "new one";
  CHECK(edited(torrent, edit) ==
        "d8:announce8:http://a7:comment7:new one4:info" + info + "5:otherd1:ai1eee");
}

TEST_CASE("the info dictionary is copied as received, however it is written", "[edit]") {
  const std::string odd = "d4:name1:x6:lengthi005ee";  // out of order, a leading zero
  TorrentEdit edit;
  edit.comment = "c";
  CHECK(edited("d4:info" + odd + "e", edit) == "d7:comment1:c4:info" + odd + "e");
}

TEST_CASE("a line feed after the end, which the reader of torrents takes, is left out", "[edit]") {
  TorrentEdit edit;
  edit.comment = "c";
  CHECK(edited("d4:info" + info + "e\n", edit) == "d7:comment1:c4:info" + info + "e");
}

TEST_CASE("trackers, web seeds and dates come and go", "[edit]") {
  TorrentEdit edit;
  edit.trackers = {{"http://a", "http://b"}, {"udp://c:1"}};
  edit.web_seeds = {"http://w/1", "http://w/2"};
  edit.creation_date = 7;
  const std::string full = edited("d4:info" + info + "e", edit);
  CHECK(full ==
        "d8:announce8:http://a13:announce-listll8:http://a8:http://bel9:udp://c:1ee"
        "13:creation datei7e4:info" +
            info + "8:url-listl10:http://w/110:http://w/2ee");
  edit.trackers = {{"http://only"}};
  edit.web_seeds = {"http://w/"};
  CHECK(edited(full, edit) ==
        "d8:announce11:http://only13:creation datei7e4:info" + info + "8:url-list9:http://w/e");
  edit.trackers.emplace();
  edit.web_seeds.emplace();
  edit.creation_date.emplace(std::nullopt);
  edit.comment.emplace();
  CHECK(edited(full, edit) == "d4:info" + info + "e");
}

TEST_CASE("private and source alter the info dictionary and can be taken back", "[edit]") {
  TorrentEdit edit;
  edit.is_private = true;
  edit.source = "S";
  CHECK(edit.alters_info());
  const std::string altered = edited("d4:info" + info + "e", edit);
  CHECK(altered == "d4:info" + info.substr(0, info.size() - 1) + "7:privatei1e6:source1:See");
  edit.is_private = false;
  edit.source = "";
  CHECK(edited(altered, edit) == "d4:info" + info + "e");
}

TEST_CASE("what is no torrent is refused", "[edit]") {
  for (const char* junk : {"", "junk", "le", "de", "d4:infoi5ee"}) {
    CAPTURE(junk);
    CHECK(edit_torrent(junk, {}).has_error());
  }
}

TEST_CASE("an info dictionary is wrapped as it is", "[edit]") {
  const auto metainfo = Metainfo::from_info(info);
  REQUIRE(metainfo.has_value());
  CHECK(wrap_info(**metainfo, {}) == "d4:info" + info + "e");
  CHECK(wrap_info(**metainfo, {{"http://a"}, {"udp://b:1"}}) ==
        "d8:announce8:http://a13:announce-listll8:http://ael9:udp://b:1ee4:info" + info + "e");
}
