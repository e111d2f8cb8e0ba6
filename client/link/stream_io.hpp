// Reading from and writing to a Stream in a coroutine, for handshakes: few bytes, and not on the
// path of blocks. On the network thread of the stream. Whoever closes the stream ends the wait.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <vector>

#include "client/link/stream.hpp"

namespace barter::link {

// Appends what there is, up to `most` bytes, waiting for the first. False: there will be no more.
boost::asio::awaitable<bool> read_some(Stream& stream, std::vector<std::byte>& into,
                                       std::size_t most);
// False: the stream has failed.
boost::asio::awaitable<bool> write_all(Stream& stream, std::vector<std::byte> bytes);

}  // namespace barter::link
