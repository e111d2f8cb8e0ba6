#include "cli/share_token.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "cli/text.hpp"
#include "torrent/write_file.hpp"

namespace barter::cli {
namespace {

constexpr std::string_view letters = "abcdefghijkmnpqrstuvwxyz23456789";
static_assert(letters.size() == 32);  // five bits each
constexpr std::size_t made_length = 20, least_length = 8, most_length = 128;
constexpr std::size_t max_file_bytes = 4096;

std::string first_line(std::string text) {
  text.erase(std::min(text.find('\n'), text.size()));
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

Result<std::string> checked(const std::string& path, std::string text) {
  std::string token = first_line(std::move(text));
  if (is_token(token)) return token;
  return Error{Errc::invalid_argument,
               fmt::format("{}: its first line is no token: 8 to 128 letters, digits, '-' and '_'",
                           cli::quoted(path))};
}

}  // namespace

std::string make_token() {
  std::array<std::uint8_t, made_length> bytes{};
  for (std::size_t got = 0; got < bytes.size();) {
    const ssize_t more = getrandom(bytes.data() + got, bytes.size() - got, 0);
    if (more > 0) got += static_cast<std::size_t>(more);
  }
  std::string out;
  for (const std::uint8_t byte : bytes) out += letters[byte % letters.size()];
  return out;
}

bool is_token(std::string_view text) {
  return text.size() >= least_length && text.size() <= most_length &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

bool same_token(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  unsigned differs = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    differs |= static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(other[i]);
  }
  return differs == 0;
}

Result<std::string> token_of_file(const std::string& path) {
  if (path_exists(path)) {
    auto text = read_file(path, max_file_bytes);  // the user's own: a link or a pipe will do
    if (!text) return text.error();
    return checked(path, std::move(*text));
  }
  std::string token = make_token();
  if (auto written = write_private_file(path, token + "\n"); !written) return written.error();
  return token;
}

Result<std::string> remembered_token(const std::string& state_folder) {
  const std::string folder = state_folder + "/share";
  if (auto made = make_private_folder(folder, true); !made) return made.error();
  const std::string path = folder + "/token";
  if (path_exists(path)) {
    auto text = read_private_file(path, max_file_bytes);
    if (!text) return text.error();
    // One that a crash has cut short gives way to a new one.
    if (auto token = checked(path, std::move(*text))) return token;
  }
  std::string token = make_token();
  if (auto written = write_private_file(path, token + "\n"); !written) return written.error();
  return token;
}

}  // namespace barter::cli
