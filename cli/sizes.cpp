#include "cli/sizes.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "torrent/ascii.hpp"

namespace barter::cli {
namespace {

// A decimal number at the head of `text`, which is cut off. No sign, no exponent.
std::optional<long double> take_number(std::string_view& text) {
  std::size_t end = 0;
  bool digits = false, point = false;
  while (end < text.size() &&
         ((text[end] >= '0' && text[end] <= '9') || (text[end] == '.' && !point))) {
    if (text[end] == '.') {
      point = true;
    } else {
      digits = true;
    }
    ++end;
  }
  if (!digits || end > 30) return std::nullopt;
  long double value = 0, scale = 1;
  point = false;
  for (char c : text.substr(0, end)) {
    if (c == '.') {
      point = true;
    } else if (point) {
      value += static_cast<long double>(c - '0') * (scale /= 10);
    } else {
      value = value * 10 + static_cast<long double>(c - '0');
    }
  }
  text.remove_prefix(end);
  return value;
}

std::optional<long double> size_unit(std::string_view unit) {
  if (unit.empty() || unit == "b") return 1.0L;
  const std::size_t power = std::string_view("kmgtp").find(unit[0]);
  if (power == std::string_view::npos) return std::nullopt;
  const std::string_view rest = unit.substr(1);
  const auto exponent = static_cast<long double>(power + 1);
  if (rest.empty() || rest == "i" || rest == "ib") return std::pow(1024.0L, exponent);
  if (rest == "b") return std::pow(1000.0L, exponent);
  return std::nullopt;
}

// Bytes of a bit rate's unit: "bit", "bps" and theirs with k, m, g, t before them.
std::optional<long double> bit_unit(std::string_view unit) {
  std::size_t power = 0;
  if (!unit.empty() && unit[0] != 'b') {
    power = std::string_view("kmgt").find(unit[0]);
    if (power == std::string_view::npos) return std::nullopt;
    ++power;
    unit.remove_prefix(1);
  }
  if (unit != "bit" && unit != "bits" && unit != "bps") return std::nullopt;
  return std::pow(1000.0L, static_cast<long double>(power)) / 8;
}

std::optional<long double> duration_unit(std::string_view unit) {  // in milliseconds
  if (unit.empty() || unit == "s") return 1000.0L;
  if (unit == "ms") return 1.0L;
  if (unit == "m" || unit == "min") return 60'000.0L;
  if (unit == "h") return 3'600'000.0L;
  if (unit == "d") return 86'400'000.0L;
  return std::nullopt;
}

// What is neither a size nor, where those are allowed, bits a second is told to be no `what`.
Result<std::uint64_t> parse_bytes(std::string_view text, bool bits, const char* what) {
  const std::string all = lower(text);
  if (all == "none") return no_limit;
  std::string_view rest = all;
  const auto number = take_number(rest);
  if (rest.ends_with("/s")) rest.remove_suffix(2);
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  auto unit = size_unit(rest);
  if (!unit && bits) unit = bit_unit(rest);
  if (!number || !unit)
    return Error{Errc::invalid_argument, fmt::format("'{}' is no {}", text, what)};
  const long double bytes = std::floor(*number * *unit);
  if (bytes > 9.0e18L) return Error{Errc::invalid_argument, fmt::format("'{}' is too large", text)};
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  return parse_bytes(text, false, "size: give bytes, 500KiB, 1MB, 2m or none");
}

Result<std::uint64_t> parse_rate(std::string_view text) {
  return parse_bytes(text, true, "rate: give bytes a second, 500KiB, 1MB, 100Mbit, 1Gbit or none");
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const std::string all = lower(text);
  if (all == "none") return std::chrono::milliseconds::max();
  std::string_view rest = all;
  const auto number = take_number(rest);
  const auto unit = duration_unit(rest);
  if (!number || !unit) {
    return Error{Errc::invalid_argument,
                 fmt::format("'{}' is no time: give seconds, 30s, 10m, 2h, 1d or none", text)};
  }
  const long double value = std::floor(*number * *unit);
  if (value > 3.0e14L) return Error{Errc::invalid_argument, fmt::format("'{}' is too long", text)};
  return std::chrono::milliseconds(static_cast<std::int64_t>(value));
}

std::string format_size(std::uint64_t bytes) {
  static constexpr std::array<const char*, 6> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  if (value >= 99.95) return fmt::format("{:.0f} {}", value, units[unit]);
  return fmt::format("{:.{}f} {}", value, value >= 9.995 ? 1 : 2, units[unit]);
}

std::string format_rate(std::uint64_t bytes_a_second) {
  return format_size(bytes_a_second) + "/s";
}

std::string format_bit_rate(std::uint64_t bytes_a_second) {
  static constexpr std::array<const char*, 5> units{"bit/s", "kbit/s", "Mbit/s", "Gbit/s",
                                                    "Tbit/s"};
  auto value = 8 * static_cast<double>(bytes_a_second);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g} {}", value, units[unit]);
}

std::string format_duration(std::chrono::seconds duration) {
  const auto seconds = duration.count();
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

}  // namespace barter::cli
