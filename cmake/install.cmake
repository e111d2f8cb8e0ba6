# The program, and the libraries as a CMake package: find_package(barter), barter::torrent and so on.

include(CMakePackageConfigHelpers)

install(TARGETS barter_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS barter_torrent barter_chunkstore barter_tracker barter_dht barter_client barter_boost_net
        EXPORT barter_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
include(cmake/public_headers.cmake)
barter_public_headers(public_headers
  client/client.hpp client/dht_client.hpp client/fetch.hpp
  torrent/create.hpp torrent/edit.hpp torrent/magnet.hpp torrent/verify.hpp torrent/write_file.hpp
  tracker/http_server.hpp tracker/registry.hpp tracker/udp_server.hpp)
foreach(header ${public_headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/barter/${folder})
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/barter.pc.in ${PROJECT_BINARY_DIR}/barter.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/barter.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(EXPORT barter_targets NAMESPACE barter:: FILE barter-targets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/barter)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/barter-config.cmake.in
  ${PROJECT_BINARY_DIR}/barter-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/barter)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/barter-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/barter-config.cmake
              ${PROJECT_BINARY_DIR}/barter-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/barter)

# The program prints its completion scripts itself.
set(completions ${PROJECT_BINARY_DIR}/completions)
file(MAKE_DIRECTORY ${completions})
foreach(shell bash zsh fish)
  add_custom_command(OUTPUT ${completions}/barter.${shell}
    COMMAND barter_program completion ${shell} > ${completions}/barter.${shell}
    DEPENDS barter_program VERBATIM)
endforeach()
add_custom_target(barter_completions ALL
  DEPENDS ${completions}/barter.bash ${completions}/barter.zsh ${completions}/barter.fish)
install(FILES ${completions}/barter.bash RENAME barter
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${completions}/barter.zsh RENAME _barter
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${completions}/barter.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# The man page is prose with the program's own commands and options in it.
add_executable(barter_man_page EXCLUDE_FROM_ALL docs/man/make.cpp)
target_link_libraries(barter_man_page PRIVATE barter::options barter::cli)
set(man_page ${PROJECT_BINARY_DIR}/man/barter.1)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man)
add_custom_command(OUTPUT ${man_page}
  COMMAND barter_man_page ${PROJECT_SOURCE_DIR}/docs/man/barter.1.in > ${man_page}
  DEPENDS barter_man_page ${PROJECT_SOURCE_DIR}/docs/man/barter.1.in VERBATIM)
add_custom_target(barter_man ALL DEPENDS ${man_page})
install(FILES ${man_page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
