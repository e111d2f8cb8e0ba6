// The one translation unit that compiles Asio and Beast (BOOST_ASIO_SEPARATE_COMPILATION).
//
// Asio 1.81 creates its sockets without SOCK_CLOEXEC. A flag that is set afterwards comes too late
// when another thread starts a program in between, and that program then keeps our port and our
// peers for as long as it runs. All calls of socket() and accept() that Asio makes are in this
// file, so both names stand for close_on_exec.cpp here, as glibc itself redirects a name.
#include <sys/socket.h>

extern "C" {
int socket(int domain, int type, int protocol) noexcept __asm__("barter_asio_socket");
int accept(int descriptor, sockaddr* address, socklen_t* length) __asm__("barter_asio_accept");
}

#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
