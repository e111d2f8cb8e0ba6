// LinkScratch: what the links of one network thread use in turn. Empty
// between two calls, but for the buffers that are kept.
#pragma once

#include <sys/uio.h>

#include <vector>

#include "client/link/segment.hpp"
#include "client/link/send_buffers.hpp"
#include "client/wire/message.hpp"

namespace barter::link {

struct LinkScratch {
  SendBuffers send_buffers;
  std::vector<wire::Message> batch;
  std::vector<iovec> rooms;
  std::vector<Segment*> offered;
  std::vector<Segment> done;
};

}  // namespace barter::link
