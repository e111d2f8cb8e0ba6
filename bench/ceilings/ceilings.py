#!/usr/bin/env python3
"""ceilings.py [line] [links] [huge]: how far it goes, and what it takes of memory there.

line: 1 Gbit/s with 100 ms round trip, one seed, one downloader, barter beside others, with the kernel's
buffers as they are and as such a line needs them. links: 500 connections on one swarm. huge: a sparse
torrent of 2 TiB. Medians of --runs.
"""

import argparse
import os
import resource
import shutil
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
for part in (("bench", "shaped"), ("bench", "swarm"), ("bench", "transfer"), ("bench",), ("tests", "interop")):
    sys.path.append(os.path.join(ROOT, *part))

import huge  # noqa: E402
import line  # noqa: E402
import links  # noqa: E402
import measure  # noqa: E402
import network  # noqa: E402
from star import NotHere  # noqa: E402
from table import write_json  # noqa: E402

PARTS = ("line", "links", "huge")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="line, links, huge (all)")
    release = os.path.join(ROOT, "build", "release")
    parser.add_argument("--barter", default=os.path.join(release, "bin", "barter"))
    parser.add_argument("--star", default=os.path.join(release, "bench", "star"))
    parser.add_argument("--load", default=os.path.join(release, "bench", "load"))
    parser.add_argument("--contestants", default="barter,libtorrent,libtorrent-long,aria2,rtorrent",
                        help="of the line, of " + ", ".join(line.CONTESTANTS))
    parser.add_argument("--line-mbit", type=float, default=1000)
    parser.add_argument("--line-round-trip", type=float, default=100, metavar="MS")
    parser.add_argument("--line-mib", type=int, default=1024)
    parser.add_argument("--wide", type=int, default=64, metavar="MIB", help="most that the kernel may grow a "
                        "socket's buffers to in the line's second rows (64)")
    parser.add_argument("--links", type=int, default=500)
    parser.add_argument("--links-mib", type=int, default=1024)
    parser.add_argument("--link-seconds", type=float, default=10)
    parser.add_argument("--tib", type=float, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="once, little of everything: does it still work?")
    parser.add_argument("--folder", default="/dev/shm", help="where in memory the data lies (/dev/shm)")
    parser.add_argument("--json", metavar="FILE", help="write every run to this file")
    options = parser.parse_args()
    options.parts = options.parts or PARTS
    if not set(options.parts) <= set(PARTS):
        parser.error(f"parts are {', '.join(PARTS)}")
    options.contestants = options.contestants.split(",")
    options.buffers = [("buffers as found", 0), (f"buffers to {options.wide} MiB", options.wide)]
    if options.short:
        options.runs, options.contestants = 1, ["barter"]
        options.line_mbit, options.line_mib = 200, 32
        options.links, options.links_mib, options.link_seconds, options.tib = 100, 64, 2, 0.1
    return options


def main():
    options = arguments()
    network.enter()
    measure.clean_up_on_sigterm()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    options.work = tempfile.mkdtemp(prefix="barter-ceilings-", dir=options.folder)
    os.chmod(options.work, 0o755)
    addresses = network.Addresses()
    found = {}
    try:
        for part in options.parts:
            try:
                found[part] = line.run(options) if part == "line" else (
                    links if part == "links" else huge).run(options, addresses)
            except NotHere as reason:
                print(f"skipped: {part}: no shaped network here: {reason}")
    finally:
        shutil.rmtree(options.work, ignore_errors=True)
    for part, results in found.items():
        {"line": line, "links": links, "huge": huge}[part].show(options, results)
    write_json(options.json, runs=found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
