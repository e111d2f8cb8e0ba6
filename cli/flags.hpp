// Values of flags that several commands take: trackers, web seeds, dates. All throw UsageError.
#pragma once

#include "torrent/endpoint.hpp"
#include "torrent/glob.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace barter::cli {

// --announce: each value is a tier, commas part the URLs of one.
std::vector<std::vector<std::string>> parse_tiers(const std::vector<std::string>& values);
// --web-seed: http or https.
std::vector<std::string> parse_web_seeds(const std::vector<std::string>& values);
// --encoding: of names in old torrents. A name that is not known is a usage error.
void add_encoding_option(CLI::App* command, std::string& encoding);
std::vector<Glob> parse_globs(const std::string& flag, const std::vector<std::string>& patterns);
// --peer: HOST:PORT.
// `flag` is whose values these are, for the error.
std::vector<HostPort> parse_peers(const std::vector<std::string>& values,
                                  const std::string& flag = "--peer");
// --listen: addresses, without a port.
std::vector<Address> parse_addresses(const std::string& flag,
                                     const std::vector<std::string>& values);
// Now, or what SOURCE_DATE_EPOCH says (https://reproducible-builds.org/docs/source-date-epoch/).
std::int64_t current_date();

}  // namespace barter::cli
