# The program, and the libraries as a CMake package: find_package(barter), barter::torrent and so on.

include(CMakePackageConfigHelpers)

install(TARGETS barter_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS barter_torrent barter_chunkstore barter_tracker barter_client barter_boost_net
        EXPORT barter_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(folder torrent chunkstore tracker client)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/barter
          FILES_MATCHING PATTERN "*.hpp")
endforeach()
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
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
