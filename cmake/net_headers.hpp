// Precompiled for the files that touch sockets (client/net, tracker
// servers): Asio and Beast are the slow part of the build.
#include "cmake/standard_headers.hpp"

#include <spdlog/spdlog.h>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
