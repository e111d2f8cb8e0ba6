// Result<T>: a value or an Error. The convention for bad input and for the environment: a parser
// and the store never throw. The message is one line, says where and what, and holds no secret.
#pragma once

#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace barter {

enum class Errc {
  invalid_bencoding,     // not bencode, or not within the caller's limits
  invalid_metainfo,      // a key of the wrong type, or a value that makes no sense
  not_a_dictionary,      // the top level of a torrent is no dictionary
  invalid_name,          // a name or path of the wrong type
  invalid_length,        // a length below zero, too large, or a torrent without a byte
  missing_piece_length,  // absent, of the wrong type, or not a legal size
  invalid_pieces,        // the pieces string does not fit the size
  too_many_pieces,       // more than we are ready to hold
  invalid_file_tree,     // v2: the file tree is malformed
  invalid_pad_file,      // v2: a pad file inside the file tree
  missing_pieces_root,   // v2: a file without its root, or with a zero root
  invalid_piece_layer,   // v2: a piece layer of the wrong size, or not hashing up to its root
  hybrid_mismatch,       // the v1 and v2 sides of a hybrid describe different bytes
  unsupported,           // legal, but nothing we do yet
  invalid_magnet,
  invalid_url,
  invalid_argument,  // the user asked for something that cannot be
  not_found,         // file or folder
  permission_denied,
  already_exists,  // we would overwrite something
  file_changed,    // a file is not what it was when we looked
  no_space,
  not_possible,  // a file that can never be written as it is (a folder is there, too large)
  io_error,
  locked,  // another process works on the same data
  address_in_use,
  network,      // resolve, connect, TLS, reset
  certificate,  // whoever answered over TLS has not shown that it is who we called
  timed_out,
  protocol,  // the other end does not follow its specification
  rejected,  // the other end said no (a tracker's failure reason, an HTTP status)
  cancelled,
  unexpected,  // a torrent came, but not the one that was asked for
};

// Of writing a file: will it be the same the next time, whatever time passes? What is full, or
// fails, may be well again; what is forbidden or cannot be stays so.
constexpr bool is_permanent(Errc code) {
  return code == Errc::permission_denied || code == Errc::not_possible ||
         code == Errc::invalid_name;
}

// The stable lower-case name of a code, as printed in JSON events.
std::string_view to_string(Errc code);

struct Error {
  Errc code;
  std::string message;
  friend bool operator==(const Error&, const Error&) = default;
};

// Called by Result::value() on an error: a bug of the caller, who did not look.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location&);

template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace barter
