# Everything comes from Debian 12 packages: samples/dependencies.txt lists them.

find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS system json)
find_package(PkgConfig REQUIRED)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)

# Asio and Beast are compiled once, in boost_net.cpp, and only declared elsewhere.
add_library(barter_boost_net STATIC ${CMAKE_CURRENT_LIST_DIR}/boost_net.cpp
                                   ${CMAKE_CURRENT_LIST_DIR}/close_on_exec.cpp)
add_library(barter::boost_net ALIAS barter_boost_net)
set_target_properties(barter_boost_net PROPERTIES EXPORT_NAME boost_net)
target_compile_definitions(barter_boost_net PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
# Boost's own headers are SYSTEM: their warnings are not ours.
target_include_directories(barter_boost_net SYSTEM PUBLIC ${Boost_INCLUDE_DIRS})
target_link_libraries(barter_boost_net PUBLIC
  Boost::system OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
