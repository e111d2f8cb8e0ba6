// TextEncoding: names in encodings from before UTF-8 (`encoding` and `codepage`
// of old torrents), by iconv. Only encodings that torrents are known to have
// are taken, by the names that they have there. One thread's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace barter {

class TextEncoding {
 public:
  // "GBK", "shift_jis", "936": case, '-', '_' and ' ' do not matter.
  // Nothing for others, and for UTF-8.
  static std::optional<TextEncoding> find(std::string_view name);
  static std::string known();  // "Big5, EUC-JP, ...", for messages

  std::string_view name() const { return name_; }
  // Nothing if the text is not in this encoding.
  std::optional<std::string> to_utf8(std::string_view text) const;

 private:
  TextEncoding(const char* name, std::shared_ptr<void> converter)
      : name_(name), converter_(std::move(converter)) {}
  static std::optional<TextEncoding> open(const char* name);

  const char* name_;  // as iconv knows it
  std::shared_ptr<void> converter_;
};

}  // namespace barter
