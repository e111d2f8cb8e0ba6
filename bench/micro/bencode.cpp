// Reading a torrent of many files: the parser alone, and the whole way to a checked Metainfo.
#include <fmt/format.h>

#include <iterator>
#include <stdexcept>

#include "bench/micro/micro.hpp"
#include "torrent/bencode.hpp"
#include "torrent/metainfo.hpp"

namespace barter::micro {
namespace {

constexpr std::uint64_t file_length = 40'000, piece_length = 1 << 18;

void add_string(std::string& out, std::string_view text) {
  fmt::format_to(std::back_inserter(out), "{}:{}", text.size(), text);
}

// As a photo library would look: folders of a hundred files, two levels deep.
std::string torrent_of(std::uint32_t files) {
  std::string out = "d8:announce31:http://tracker.example/announce4:infod5:filesl";
  for (std::uint32_t i = 0; i < files; ++i) {
    fmt::format_to(std::back_inserter(out), "d6:lengthi{}e4:pathl", file_length);
    add_string(out, fmt::format("year-{:03}", i / 10'000));
    add_string(out, fmt::format("folder {:05}", i / 100));
    add_string(out, fmt::format("picture-{:07}.jpeg", i));
    out += "ee";
  }
  const std::uint64_t pieces = (files * file_length + piece_length - 1) / piece_length;
  out += "e4:name7:library";
  fmt::format_to(std::back_inserter(out), "12:piece lengthi{}e6:pieces", piece_length);
  add_string(out, std::string(pieces * 20, 'h'));
  return out + "ee";
}

}  // namespace

void bencode_suite(const Sizes& sizes, Figures& figures) {
  const std::string torrent = torrent_of(sizes.files);
  measure(figures, "bencode: parse, per file of a torrent", [&] {
    const auto document = bencode::parse(torrent);
    if (!document) throw std::runtime_error(document.error().message);
    keep(document->root());
    return sizes.files;
  });
  measure(figures, "metainfo: parse and check, per file", [&] {
    const auto metainfo = Metainfo::parse(torrent);
    if (!metainfo) throw std::runtime_error(metainfo.error().message);
    if ((*metainfo)->files().size() != sizes.files) throw std::runtime_error("files are missing");
    return sizes.files;
  });
}

}  // namespace barter::micro
