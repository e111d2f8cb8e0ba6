// fetch(): one GET over HTTP or HTTPS, bounded in bytes and time; blocks the caller. For `.torrent`
// URLs; trackers use the asynchronous form in client/net. No Asio visible. Any thread.
#pragma once

#include <functional>
#include <string>

#include "client/fetch_options.hpp"
#include "torrent/result.hpp"

namespace barter {

// Errors: invalid_url, network (names, connections), certificate, not_found (the name has no
// address), timed_out, protocol (no HTTP, too long, too many redirects), rejected (a redirect from
// a public address into a private network), cancelled. The message holds no passkey. `cancelled`,
// where given, is asked by the calling thread twenty times a second; true ends the fetch at once.
Result<FetchReply> fetch(const std::string& url, const FetchOptions& options = {},
                         const std::function<bool()>& cancelled = {});

}  // namespace barter
