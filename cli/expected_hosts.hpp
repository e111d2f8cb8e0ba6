// The hosts that `share --expect-hosts` waits for: a file of names and addresses, and where they
// are. Names are looked up on a thread of its own, again and again until they are found; the rest
// is one thread's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/copies.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter::cli {

class ExpectedHosts {
 public:
  using Resolve = std::function<std::vector<Address>(const std::string&)>;

  // A host a line, as a name or an address, with a port where several share one: HOST[:PORT]. What
  // follows a blank or '#' is the reader's. Errors name the line; an empty list is one, too.
  static Result<std::vector<HostPort>> parse(const std::string& text, const std::string& path);

  ExpectedHosts(std::vector<HostPort> hosts, Resolve resolve);

  // By host: the first of these copies that is there; nothing where there is none.
  std::vector<const Copy*> found_among(const std::vector<Copy>& copies) const;
  const std::vector<std::string>& names() const { return names_; }
  // Whose names have not been found so far.
  std::vector<std::string> unresolved() const;

 private:
  struct Shared;
  static void look_up(const std::shared_ptr<Shared>& shared, const Resolve& resolve);

  std::vector<std::string> names_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace barter::cli
