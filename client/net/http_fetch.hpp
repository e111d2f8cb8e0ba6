// http_fetch(): the asynchronous GET behind fetch() and the tracker client. A coroutine on the
// caller's executor, which runs on one thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "client/fetch_options.hpp"
#include "torrent/result.hpp"

namespace barter::net {

// Trackers hear from us over both families, each by a connection of its own.
enum class Family : unsigned char { any, v4, v6 };

// As fetch(); cancelling the coroutine (terminal) ends it at once. With a family given, a name
// without an address of it is Errc::not_found. `addresses`: those of the URL's host, if they were
// looked up already.
boost::asio::awaitable<Result<FetchReply>> http_fetch(std::string url, FetchOptions options,
                                                      Family family,
                                                      std::vector<Address> addresses = {});

// "barter/VERSION": the User-Agent.
std::string user_agent();

}  // namespace barter::net
