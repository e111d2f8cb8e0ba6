#!/usr/bin/env bash
# install.sh [--yes] GROUP...: bring in what the groups of dependencies.txt name and this machine lacks.
#
# Lists what is missing, asks on a terminal (not with --yes or CI), and runs nothing but apt with more
# rights than you have. Packages of the group "unpack" are services in Debian: installing them would
# start them now and at each boot, so they are only unpacked below build/programs.
set -euo pipefail
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
programs=$(dirname "$here")/build/programs

yes=${CI:+1}
groups=()
for argument in "$@"; do
  case $argument in
    --yes | -y) yes=1 ;;
    -*) echo "install.sh: unknown option $argument" >&2; exit 2 ;;
    *) groups+=("$argument") ;;
  esac
done

packages_of() {  # GROUP: its packages, one a line
  sed -n "s/^$1://p" "$here/dependencies.txt" | tr -s ' ' '\n' | sed '/^$/d'
}

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "install.sh: no apt here. barter is built from Debian 12 packages; install their like by hand:" >&2
  for group in "${groups[@]}"; do echo "  $group: $(packages_of "$group" | xargs)" >&2; done
  exit 1
fi

missing=()
unpacked=()
for group in "${groups[@]}"; do
  for package in $(packages_of "$group"); do
    if [ "$group" = unpack ]; then
      installed "$package" || [ -e "$programs/.$package" ] || unpacked+=("$package")
    elif ! installed "$package" && [[ " ${missing[*]} " != *" $package "* ]]; then
      missing+=("$package")
    fi
  done
done
[ $((${#missing[@]} + ${#unpacked[@]})) -gt 0 ] || exit 0

as_root=()
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install.sh: these packages are missing, and there is no sudo to install them:" >&2
    echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo DEBIAN_FRONTEND=noninteractive)
fi

if [ ${#missing[@]} -gt 0 ]; then
  echo "To be installed with apt-get${as_root:+ (by sudo)}:" >&2
  echo "  ${missing[*]}" | fold -s -w 96 | sed '2,$s/^/  /' >&2
fi
if [ ${#unpacked[@]} -gt 0 ]; then
  echo "To be unpacked below build/programs, not installed: ${unpacked[*]}" >&2
fi
if [ -z "$yes" ] && [ -t 0 ] && [ -t 2 ]; then
  read -r -p "Go on? [Y/n] " answer
  case $answer in
    "" | [yY]*) ;;
    *) echo "install.sh: nothing was installed" >&2; exit 1 ;;
  esac
fi

# The lists are fetched only where apt knows nothing, or only old versions that the mirror has dropped.
known() {
  local package
  for package in "${missing[@]}" "${unpacked[@]}"; do
    [ -n "$(apt-cache policy "$package" | sed -n 's/^  Candidate: *//p' | grep -v '(none)')" ] || return 1
  done
}

update() {
  if [ "$(id -u)" -eq 0 ]; then
    apt-get update -qq >&2
  elif command -v sudo >/dev/null; then
    sudo apt-get update -qq >&2
  else
    echo "install.sh: apt has no package lists, and there is no sudo: run apt-get update as root" >&2
    return 1
  fi
}

quietly() {  # run, and show what was printed only if it failed
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1 </dev/null; then
    rm -f "$log"
  else
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
}

install_packages() {
  [ ${#missing[@]} -eq 0 ] ||
    quietly "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
}

unpack_packages() {
  local package folder
  for package in "${unpacked[@]}"; do
    [ ! -e "$programs/.$package" ] || continue
    folder=$(mktemp -d)
    # apt drops its rights for a download and must be able to write there.
    chmod 755 "$folder"
    [ "$(id -u)" -ne 0 ] || chown _apt "$folder" 2>/dev/null || true
    if ! (cd "$folder" && quietly apt-get download -q "$package"); then
      rm -rf "$folder"
      return 1
    fi
    mkdir -p "$programs"
    dpkg-deb -x "$folder"/*.deb "$programs"
    touch "$programs/.$package"
    rm -rf "$folder"
  done
}

known || update
if ! { install_packages && unpack_packages; }; then
  echo "install.sh: once more, with fresh package lists" >&2
  update
  install_packages
  unpack_packages
fi
