#include "client/swarm/metadata_server.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

TEST_CASE("pieces of the info dictionary are cut at 16 KiB") {
  std::string info(40'000, 'i');
  info[16'384] = 'j';
  MetadataAllowance allowance;
  const TimePoint now{std::chrono::seconds(1)};
  const auto get = [&](std::uint32_t piece) {
    return answer_metadata_request(info, piece, 3, allowance, now);
  };
  const auto first = std::get<wire::MetadataData>(get(0));
  CHECK(first.data.size() == 16'384);
  CHECK(first.total_size == 40'000);
  CHECK(first.id == 3);
  CHECK(std::get<wire::MetadataData>(get(1)).data[0] == 'j');
  CHECK(std::get<wire::MetadataData>(get(2)).data.size() == 40'000 - 2 * 16'384);
  for (const std::uint32_t beyond : {3u, 0x7fffffffu, 0xffffffffu})
    CHECK(std::get<wire::MetadataReject>(get(beyond)).piece == beyond);
}

TEST_CASE("who asks for ever is slowed down") {
  const std::string info(16'384, 'i');
  MetadataAllowance allowance;
  TimePoint now{std::chrono::seconds(1)};
  int served = 0;
  for (int i = 0; i < 10'000; ++i)
    served += std::holds_alternative<wire::MetadataData>(
        answer_metadata_request(info, 0, 1, allowance, now));
  CHECK(served >= 256);
  CHECK(served < 300);
  now += std::chrono::seconds(10);
  CHECK(std::holds_alternative<wire::MetadataData>(
      answer_metadata_request(info, 0, 1, allowance, now)));
}

}  // namespace
}  // namespace barter
