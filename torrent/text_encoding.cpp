#include "torrent/text_encoding.hpp"

#include <iconv.h>

#include <cctype>
#include <cerrno>
#include <iterator>
#include <utility>

#include "torrent/utf8.hpp"

namespace barter {

namespace {

struct Known {
  std::string_view key;  // in capitals, without marks
  const char* name;
};
// What creators of torrents have written; Windows' code pages by number, too.
constexpr Known all[] = {
    {"GBK", "GBK"},
    {"GB2312", "GBK"},
    {"936", "GBK"},
    {"CP936", "GBK"},
    {"GB18030", "GB18030"},
    {"BIG5", "BIG5-HKSCS"},
    {"950", "BIG5-HKSCS"},
    {"CP950", "BIG5-HKSCS"},
    {"BIG5HKSCS", "BIG5-HKSCS"},
    {"SHIFTJIS", "CP932"},
    {"SJIS", "CP932"},
    {"932", "CP932"},
    {"CP932", "CP932"},
    {"WINDOWS31J", "CP932"},
    {"EUCJP", "EUC-JP"},
    {"EUCKR", "UHC"},
    {"949", "UHC"},
    {"CP949", "UHC"},
    {"UHC", "UHC"},
    {"KSC56011987", "UHC"},
    {"KOI8R", "KOI8-R"},
    {"KOI8U", "KOI8-U"},
    {"866", "CP866"},
    {"CP866", "CP866"},
    {"874", "CP874"},
    {"CP874", "CP874"},
    {"WINDOWS874", "CP874"},
    {"TIS620", "TIS-620"},
    {"ISO88591", "ISO-8859-1"},
    {"LATIN1", "ISO-8859-1"},
    {"ISO88592", "ISO-8859-2"},
    {"ISO88595", "ISO-8859-5"},
    {"ISO88597", "ISO-8859-7"},
    {"ISO88599", "ISO-8859-9"},
    {"ISO885915", "ISO-8859-15"},
};
// CP1250 to CP1258, by three names each.
constexpr const char* windows[] = {"CP1250", "CP1251", "CP1252", "CP1253", "CP1254",
                                   "CP1255", "CP1256", "CP1257", "CP1258"};

std::string key_of(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 40)) {
    if (c == '-' || c == '_' || c == ' ' || c == '.') continue;
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace

std::optional<TextEncoding> TextEncoding::find(std::string_view name) {
  const std::string key = key_of(name);
  for (const Known& known : all) {
    if (known.key == key) return open(known.name);
  }
  for (const char* page : windows) {
    const std::string number(std::string_view(page).substr(2));
    if (key == number || key == "CP" + number || key == "WINDOWS" + number) {
      return open(page);
    }
  }
  return std::nullopt;
}

std::string TextEncoding::known() {
  return "Big5, EUC-JP, EUC-KR, GB18030, GBK, ISO-8859-1 to -15, KOI8-R, KOI8-U, Shift_JIS, "
         "TIS-620, "
         "windows-1250 to -1258, cp866";
}

std::optional<TextEncoding> TextEncoding::open(const char* name) {
  const iconv_t converter = ::iconv_open("UTF-8", name);
  // NOLINTNEXTLINE: as POSIX has it
  if (converter == reinterpret_cast<iconv_t>(-1)) return std::nullopt;
  return TextEncoding(name, {converter, [](void* open) { ::iconv_close(open); }});
}

std::optional<std::string> TextEncoding::to_utf8(std::string_view text) const {
  const iconv_t converter = converter_.get();
  ::iconv(converter, nullptr, nullptr, nullptr, nullptr);  // nothing is left of the last text
  std::string out(text.size() * 4, '\0');
  char* from = const_cast<char*>(text.data());  // iconv does not write there
  std::size_t from_left = text.size();
  char* to = out.data();
  std::size_t to_left = out.size();
  const bool good =
      ::iconv(converter, &from, &from_left, &to, &to_left) != std::size_t(-1) && from_left == 0;
  out.resize(out.size() - to_left);
  if (!good || !is_utf8(out)) return std::nullopt;
  return out;
}

}  // namespace barter
