# Warnings, sanitizers and the compiler cache, for every target of ours.

if(MSVC)
  message(FATAL_ERROR "barter builds with g++ or clang++ on Linux")
endif()

# A cached compile must stay valid with precompiled headers, hence the sloppiness.
find_program(BARTER_CCACHE ccache)
if(BARTER_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${BARTER_CCACHE})
endif()

add_library(barter_options INTERFACE)
add_library(barter::options ALIAS barter_options)
target_compile_options(barter_options INTERFACE -Wall -Wextra -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports -Wrestrict inside std::string for code that is right (GCC bug 105651).
  target_compile_options(barter_options INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(barter_options INTERFACE -Wno-sign-conversion)
endif()
if(BARTER_WERROR)
  target_compile_options(barter_options INTERFACE -Werror)
endif()

if(BARTER_SANITIZE)
  add_compile_options(-fsanitize=${BARTER_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BARTER_SANITIZE})
  if(BARTER_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      # clang 14 cannot assemble coroutines with it ("difference across sections").
      add_compile_options(-fno-sanitize=function)
    endif()
  endif()
  if(BARTER_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # With the instrumented code g++ 12 loses track of what is initialised, in <regex> above all.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
endif()
if(BARTER_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "the fuzzers need clang++: cmake --preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Invariants stay checked in Release: CMake would define NDEBUG there.
foreach(config RELEASE RELWITHDEBINFO)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_${config} "${CMAKE_CXX_FLAGS_${config}}")
  string(REPLACE "-O3" "-O2" CMAKE_CXX_FLAGS_${config} "${CMAKE_CXX_FLAGS_${config}}")
endforeach()

# barter_add_library(name): a static library of the .cpp files of this folder and the named ones
# below it, with the warnings and the precompiled standard headers.
function(barter_add_library name)
  set(patterns *.cpp)
  foreach(folder ${ARGN})
    list(APPEND patterns ${folder}/*.cpp)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  add_library(barter_${name} STATIC ${sources})
  add_library(barter::${name} ALIAS barter_${name})
  set_target_properties(barter_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(barter_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/barter>)
  target_compile_features(barter_${name} PUBLIC cxx_std_20)
  target_link_libraries(barter_${name} PRIVATE $<BUILD_INTERFACE:barter::options>)
  target_precompile_headers(barter_${name} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/standard_headers.hpp)
endfunction()
