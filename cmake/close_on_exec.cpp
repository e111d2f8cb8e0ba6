// What Asio gets when it asks for a socket (boost_net.cpp): one that no program inherits.
#include <sys/socket.h>

extern "C" {

int barter_asio_socket(int domain, int type, int protocol) {
  return ::socket(domain, type | SOCK_CLOEXEC, protocol);
}

int barter_asio_accept(int descriptor, sockaddr* address, socklen_t* length) {
  return ::accept4(descriptor, address, length, SOCK_CLOEXEC);
}

}  // extern "C"
