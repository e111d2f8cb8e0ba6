#include "torrent/result.hpp"

#include <stdexcept>

namespace barter {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::invalid_bencoding:
      return "invalid_bencoding";
    case Errc::invalid_metainfo:
      return "invalid_metainfo";
    case Errc::not_a_dictionary:
      return "not_a_dictionary";
    case Errc::invalid_name:
      return "invalid_name";
    case Errc::invalid_length:
      return "invalid_length";
    case Errc::missing_piece_length:
      return "missing_piece_length";
    case Errc::invalid_pieces:
      return "invalid_pieces";
    case Errc::too_many_pieces:
      return "too_many_pieces";
    case Errc::invalid_file_tree:
      return "invalid_file_tree";
    case Errc::invalid_pad_file:
      return "invalid_pad_file";
    case Errc::missing_pieces_root:
      return "missing_pieces_root";
    case Errc::invalid_piece_layer:
      return "invalid_piece_layer";
    case Errc::hybrid_mismatch:
      return "hybrid_mismatch";
    case Errc::unsupported:
      return "unsupported";
    case Errc::invalid_magnet:
      return "invalid_magnet";
    case Errc::invalid_url:
      return "invalid_url";
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::not_found:
      return "not_found";
    case Errc::permission_denied:
      return "permission_denied";
    case Errc::already_exists:
      return "already_exists";
    case Errc::file_changed:
      return "file_changed";
    case Errc::no_space:
      return "no_space";
    case Errc::not_possible:
      return "not_possible";
    case Errc::io_error:
      return "io_error";
    case Errc::locked:
      return "locked";
    case Errc::address_in_use:
      return "address_in_use";
    case Errc::network:
      return "network";
    case Errc::certificate:
      return "certificate";
    case Errc::timed_out:
      return "timed_out";
    case Errc::protocol:
      return "protocol";
    case Errc::rejected:
      return "rejected";
    case Errc::cancelled:
      return "cancelled";
    case Errc::unexpected:
      return "unexpected";
  }
  return "unknown";
}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::logic_error("unchecked error: " + error.message);
}

}  // namespace barter
