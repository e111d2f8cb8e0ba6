// The limit of open files: raised for us, as it was for the programs that we start.
#pragma once

namespace barter::cli {

// Raises the soft limit to the hard one and remembers what it was. Once, before there are threads.
void raise_descriptor_limit();

// Sets what was remembered; nothing if nothing was raised. Calls the system only: for a child
// between fork() and exec(). False: it could not be set.
bool restore_descriptor_limit();

}  // namespace barter::cli
