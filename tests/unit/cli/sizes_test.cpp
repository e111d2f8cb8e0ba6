#include "cli/sizes.hpp"

#include <catch2/catch.hpp>

using namespace barter::cli;
using namespace std::chrono_literals;

TEST_CASE("sizes are read in plain bytes, powers of 1024 and powers of 1000", "[sizes]") {
  CHECK(parse_size("0").value() == 0);
  CHECK(parse_size("1048576").value() == 1048576);
  CHECK(parse_size("500KiB").value() == 512000);
  CHECK(parse_size("500kib/s").value() == 512000);
  CHECK(parse_size("1MB").value() == 1'000'000);
  CHECK(parse_size("2m").value() == 2 << 20);
  CHECK(parse_size("2M").value() == 2 << 20);
  CHECK(parse_size("1.5 GiB").value() == 1610612736);
  CHECK(parse_size("8TiB").value() == 8ULL << 40);
  CHECK(parse_size("none").value() == no_limit);
}

TEST_CASE("what is no size is refused", "[sizes]") {
  for (const char* text : {"", "KiB", "-1", "+1", "1e3", "1XB", "1KiBB", "0x10", "1..5", ".", " 1",
                           "inf", "nan", "99999999999TiB", "1 2", "1KK"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text).has_value());
  }
}

TEST_CASE("rates are sizes, or bits as lines are sold", "[sizes]") {
  CHECK(parse_rate("1048576").value() == 1048576);
  CHECK(parse_rate("500KiB/s").value() == 512000);
  CHECK(parse_rate("1MB").value() == 1'000'000);
  CHECK(parse_rate("1Mb").value() == 1'000'000);  // upper and lower case are one
  CHECK(parse_rate("8bit").value() == 1);
  CHECK(parse_rate("1Gbit").value() == 125'000'000);
  CHECK(parse_rate("2.5gbit/s").value() == 312'500'000);
  CHECK(parse_rate("100 Mbps").value() == 12'500'000);
  CHECK(parse_rate("64kbits").value() == 8'000);
  CHECK(parse_rate("none").value() == no_limit);
  for (const char* text : {"", "bit", "1Mibit", "1Pbit", "1bitt", "1 bit s", "-1Mbit", "1M bit"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rate(text).has_value());
  }
  CHECK_FALSE(parse_size("1Gbit").has_value());  // a size is bytes
  CHECK(format_bit_rate(125'000'000) == "1 Gbit/s");
  CHECK(format_bit_rate(1'250'000) == "10 Mbit/s");
  CHECK(format_bit_rate(312'500'000) == "2.5 Gbit/s");
  CHECK(format_bit_rate(1) == "8 bit/s");
}

TEST_CASE("durations", "[sizes]") {
  CHECK(parse_duration("30").value() == 30s);
  CHECK(parse_duration("30s").value() == 30s);
  CHECK(parse_duration("10m").value() == 10min);
  CHECK(parse_duration("1.5h").value() == 90min);
  CHECK(parse_duration("250ms").value() == 250ms);
  CHECK(parse_duration("2d").value() == 48h);
  CHECK(parse_duration("none").value() == std::chrono::milliseconds::max());
  for (const char* text : {"", "s", "-5s", "5x", "1h30m", "999999999999d"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("sizes are shown with three digits", "[sizes]") {
  CHECK(format_size(0) == "0 B");
  CHECK(format_size(1023) == "1023 B");
  CHECK(format_size(1024) == "1.00 KiB");
  CHECK(format_size(16 * 1024) == "16.0 KiB");
  CHECK(format_size(512 * 1024) == "512 KiB");
  CHECK(format_size(1023 * 1024 + 1000) == "1.00 MiB");
  CHECK(format_size(UINT64_MAX) == "16384 PiB");
  CHECK(format_rate(1536) == "1.50 KiB/s");
  CHECK(format_duration(42s) == "42 s");
  CHECK(format_duration(125s) == "2 min 5 s");
  CHECK(format_duration(7505s) == "2 h 5 min");
  CHECK(format_duration(200'000s) == "2 d 7 h");
}
