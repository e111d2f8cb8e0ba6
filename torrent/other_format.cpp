#include "torrent/other_format.hpp"

#include <array>
#include <utility>

#include "torrent/ascii.hpp"

namespace barter {

std::optional<std::string_view> other_format(std::string_view bytes) {
  if (bytes.empty()) return "an empty file";
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (bytes.starts_with(byte_order_mark)) bytes.remove_prefix(byte_order_mark.size());
  const auto first = bytes.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "an empty file";
  bytes.remove_prefix(first);
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> beginnings{
      {{"<!doctype html", "a web page (HTML)"},
       {"<html", "a web page (HTML)"},
       {"<head", "a web page (HTML)"},
       {"<?xml", "an XML file"},
       {"magnet:", "a magnet link"},
       {"{", "a JSON text"},
       {"\x1f\x8b", "a gzip archive: unpack it first"},
       {"pk\x03\x04", "a ZIP archive: unpack it first"},
       {"%pdf", "a PDF file"},
       {"version https://git-lfs", "a Git LFS pointer: fetch the file itself first"}}};
  for (const auto& [beginning, what] : beginnings)
    if (lower(bytes.substr(0, beginning.size())) == beginning) return what;
  return std::nullopt;
}

}  // namespace barter
