// NameResolver: names to addresses, several at a time, on threads of its own, so that one name
// whose server is silent does not keep the others waiting. A look-up cannot be stopped; it is left
// to end by itself. Owned by the TrackerClient; any thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"
#include "torrent/time.hpp"

namespace barter::net {

struct NameResolverOptions {
  std::size_t at_once = 16;        // look-ups under way; more wait their turn
  std::size_t max_waiting = 4096;  // beyond: the look-up fails at once
};

class NameResolver {
 public:
  explicit NameResolver(NameResolverOptions options = {});
  ~NameResolver();  // stop()
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  // The addresses of a name, in the system's order, or the literal address that it is; those of one
  // name that are asked for at the same time are one look-up. Not empty. Errors: network,
  // timed_out. Resumes on `context`.
  boost::asio::awaitable<Result<std::vector<Address>>> resolve(boost::asio::io_context& context,
                                                               std::string name,
                                                               TimePoint deadline);
  // Before the contexts go: nothing is resumed from here on.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace barter::net
