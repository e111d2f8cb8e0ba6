#!/usr/bin/env bash
# bare_system.sh [--keep] [--only quickstart|tests] [FOLDER]: does each of the README's two commands work on
# a bare Debian 12?
#
# To be run by hand, as root, with debootstrap installed: two fresh chroots (no sudo, no locale, no compiler;
# /proc is there, as on every Debian), a git clone of what is committed here in each, one command in each. Takes about 600 MB
# of downloads from the mirror that apt uses on this machine, 5 GB of disk and a quarter of an hour.
set -euo pipefail
keep= only=
[ "${1:-}" != --keep ] || { keep=1; shift; }
[ "${1:-}" != --only ] || { only=$2; shift 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-$(mktemp -d /tmp/barter-bare-XXXXXX)}
[ "$(id -u)" -eq 0 ] || { echo "bare_system.sh: debootstrap and chroot need root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "bare_system.sh: apt-get install debootstrap" >&2; exit 1; }

mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
  grep -m 1 -E 'debian' || true)
mirror=${mirror:-http://deb.debian.org/debian}
[[ $mirror == */debian* ]] || mirror=$mirror/debian

clean_up() {
  for proc in "$folder"/*/proc; do ! mountpoint -q "$proc" || umount "$proc"; done
  [ -n "$keep" ] || rm -rf --one-file-system "$folder"
}
trap clean_up EXIT

if [ ! -e "$folder/base/etc/debian_version" ]; then
  echo "== debootstrap from $mirror"
  mkdir -p "$folder"
  debootstrap --variant=minbase bookworm "$folder/base" "$mirror" >"$folder/debootstrap.log" 2>&1 ||
    { tail "$folder/debootstrap.log" >&2; exit 1; }
  # Nothing of this machine but the way to its network.
  cp /etc/resolv.conf "$folder/base/etc/resolv.conf"
  apt-config dump | grep -E '^Acquire::(http|https)::Proxy |^Acquire::Check-' \
    >"$folder/base/etc/apt/apt.conf.d/99mirror" || true
fi

status=0
try() {  # NAME COMMAND...: in a fresh copy of the base
  local name=$1 root=$folder/$1 began=$SECONDS
  shift
  [ -z "$only" ] || [ "$only" = "$name" ] || return 0
  rm -rf --one-file-system "$root"
  cp -a --reflink=auto "$folder/base" "$root"
  git clone -q "$here" "$root/root/barter"
  mount -t proc proc "$root/proc"
  echo "== $name: $*"
  if env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    chroot "$root" bash -c 'cd /root/barter && "$@"' bash "$@" </dev/null; then
    echo "== $name: ok, $((SECONDS - began)) s"
  else
    echo "== $name: FAILED, $((SECONDS - began)) s"
    status=1
  fi
  umount "$root/proc"
  [ -n "$keep" ] || rm -rf --one-file-system "$root"
}

try quickstart samples/quickstart.sh
try tests tests/run.sh
exit $status
