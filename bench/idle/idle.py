#!/usr/bin/env python3
"""idle.py: what a seed of thousands of torrents costs while nobody asks, and how soon one of them wakes.

Makes torrents of one small file each and seeds their folder: the first start, which hashes, and the second, to
"listening"; memory and descriptors then; the CPU of seconds in which nothing happens. Then a peer fetches a block of
some of them, one after the other, and at last of every one, with few descriptors: the time from its call to the
block. Beside it other clients, which are given the same torrents over their remote interfaces. Nothing but loopback
addresses is contacted.
"""

import argparse
import hashlib
import os
import resource
import shutil
import socket
import struct
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.path.insert(0, os.path.join(ROOT, "bench", "idle"))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))  # the programs are those of the interop table

from others import OTHERS  # noqa: E402
from process import Process, until  # noqa: E402
from table import write_json  # noqa: E402

BLOCK = 16 << 10
ADDRESS = "127.0.0.1"
TICKS = os.sysconf("SC_CLK_TCK")


class Torrents:
    """So many files of one block, and a torrent of each."""

    def __init__(self, folder, count, announce):
        self.data, self.torrents = os.path.join(folder, "data"), os.path.join(folder, "torrents")
        self.hashes, self.contents = [], os.urandom(BLOCK - 8)
        os.makedirs(self.data)
        os.makedirs(self.torrents)
        for number in range(count):
            content, name = self.content(number), f"file-{number:06}.bin"
            info = b"d6:lengthi%de4:name%d:%s12:piece lengthi%de6:pieces20:%se" % (
                BLOCK, len(name), name.encode(), BLOCK, hashlib.sha1(content).digest())
            tracker = b"8:announce%d:%s" % (len(announce), announce.encode()) if announce else b""
            self.write(os.path.join(self.data, name), content)
            self.write(os.path.join(self.torrents, name + ".torrent"), b"d" + tracker + b"4:info" + info + b"e")
            self.hashes.append(hashlib.sha1(info).digest())

    def content(self, number):
        return struct.pack(">Q", number) + self.contents

    @staticmethod
    def write(path, content):
        with open(path, "wb") as file:
            file.write(content)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def idle(process, seconds):
    """Memory, descriptors, and the CPU of a quiet while in percent of a core."""
    time.sleep(min(seconds, 5))
    began, used = time.monotonic(), cpu_seconds(process.pid)
    time.sleep(seconds)
    spent = 100 * (cpu_seconds(process.pid) - used) / (time.monotonic() - began)
    return {"rss_mib": resident_mib(process.pid), "descriptors": len(os.listdir(f"/proc/{process.pid}/fd")),
            "idle_percent": spent}


def read_exactly(connection, size):
    out = b""
    while len(out) < size:
        got = connection.recv(size - len(out))
        if not got:
            raise AssertionError("the seed hung up")
        out += got
    return out


def fetch_block(port, info_hash):
    """As a peer does: handshake, interested, wait for unchoke, request. The block, and the seconds it took."""
    began = time.monotonic()
    with socket.create_connection((ADDRESS, port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"\x13BitTorrent protocol" + bytes(8) + info_hash + b"-ID0001-" + os.urandom(12)
                           + struct.pack(">IB", 1, 2))
        head = read_exactly(connection, 68)
        assert head[28:48] == info_hash, "another torrent answers"
        asked = False
        while True:
            length = struct.unpack(">I", read_exactly(connection, 4))[0]
            message = read_exactly(connection, length)
            if message[:1] == b"\x01" and not asked:
                asked = True
                connection.sendall(struct.pack(">IBIII", 13, 6, 0, 0, BLOCK))
            if message[:1] == b"\x07":
                return message[9:], time.monotonic() - began


def wake(port, torrents, numbers):
    """Milliseconds to the first block of each, in order of length."""
    out = []
    for number in numbers:
        block, seconds = fetch_block(port, torrents.hashes[number])
        assert block == torrents.content(number), f"torrent {number}: wrong bytes"
        out.append(1000 * seconds)
    return sorted(out)


class Barter:
    def __init__(self, options, folder, torrents):
        self.options, self.folder, self.torrents = options, folder, torrents
        with socket.socket() as probe:
            probe.bind((ADDRESS, 0))
            self.port = probe.getsockname()[1]

    def start(self, descriptors=None):
        """Until it listens for all; the process and the seconds."""
        command = [self.options.barter, "seed", self.torrents.torrents, "--dir", self.torrents.data, "--state-dir",
                   os.path.join(self.folder, "state"), "--no-lsd", "--no-pex", "--listen", ADDRESS,
                   "--port", str(self.port), "--json"] + (
                       ["--dht-node", f"{ADDRESS}:9"] if self.options.dht else ["--no-dht"])
        if descriptors:
            command = ["/bin/sh", "-c", 'ulimit -n "$1" && shift && exec "$@"', "sh", str(descriptors)] + command
        began = time.monotonic()
        process = Process(f"barter-{time.monotonic_ns()}", command, self.folder)

        def listening():
            with open(process.out_path, "rb") as file:
                return b'"event":"listening"' in file.read()
        until(listening, 300, "listening", process)
        return process, time.monotonic() - began

    def measure(self):
        count, out = len(self.torrents.hashes), {}
        process, out["first_start_s"] = self.start()
        out |= {"first_" + key: value for key, value in idle(process, self.options.seconds).items()}
        process.stop()
        process, out["second_start_s"] = self.start()
        out |= idle(process, self.options.seconds)
        some = wake(self.port, self.torrents, range(0, count, max(count // 200, 1)))
        out["wake_ms"], out["wake_most_ms"] = some[len(some) // 2], some[-1]
        process.stop()
        process, _seconds = self.start(descriptors=1024)
        each = wake(self.port, self.torrents, range(count))
        out["few_descriptors_ms"], out["few_descriptors_most_ms"] = each[len(each) // 2], each[-1]
        out["few_descriptors_used"] = len(os.listdir(f"/proc/{process.pid}/fd"))
        process.stop()
        assert process.returncode == 0, process.tail()
        return out


GOALS = {"first_start_s": 4, "second_start_s": 1.5, "rss_mib": 60, "first_rss_mib": 60, "idle_percent": 0.5,
         "first_idle_percent": 0.5, "wake_ms": 50, "wake_most_ms": 50}
NAMES = {"first_start_s": "first start (hashing), to listening, s", "second_start_s": "second start, to listening, s",
         "first_rss_mib": "resident memory after the first start, MiB", "rss_mib": "after the second, MiB",
         "first_descriptors": "descriptors after the first start", "descriptors": "after the second",
         "first_idle_percent": "idle CPU after the first start, % of a core", "idle_percent": "after the second, %",
         "wake_ms": "woken by a handshake, first block, ms", "wake_most_ms": "the slowest of 200, ms",
         "few_descriptors_ms": "each in turn with ulimit -n 1024, ms", "few_descriptors_most_ms": "the slowest, ms",
         "few_descriptors_used": "descriptors in use then"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--barter", default=os.path.join(ROOT, "build", "release", "bin", "barter"))
    parser.add_argument("--torrents", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20, help="how long nothing happens")
    parser.add_argument("--beside", nargs="*", choices=list(OTHERS), default=[], help="other clients")
    parser.add_argument("--dht", action="store_true", help="with our node of the DHT, alone")
    parser.add_argument("--announce", default="", metavar="URL", help="the torrents name this tracker of yours")
    parser.add_argument("--folder", default="/dev/shm", help="where the data lies")
    parser.add_argument("--short", action="store_true", help="a few, to see that it works: the goals do not count")
    parser.add_argument("--json", metavar="FILE", help="write what was measured to this file")
    options = parser.parse_args()
    options.barter = os.path.abspath(options.barter)
    if options.short:
        options.torrents, options.seconds = 300, 2
    return options


def main():
    options = arguments()
    folder = tempfile.mkdtemp(prefix="barter-idle-", dir=options.folder)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    print(f"{options.torrents} torrents of {BLOCK >> 10} KiB each; {hard} descriptors, in {folder}")
    results, met = {}, True
    try:
        torrents = Torrents(folder, options.torrents, options.announce)
        results["barter"] = Barter(options, folder, torrents).measure()
        for kind in options.beside:
            results[kind] = OTHERS[kind](folder, torrents).measure(lambda process: idle(process, options.seconds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(" " * 52 + "".join(f"{kind:>14}" for kind in results))
    for key, name in NAMES.items():
        row = "".join(f"{result[key]:14.2f}" if key in result else f"{'':14}" for result in results.values())
        missed = not options.short and key in GOALS and results["barter"][key] > GOALS[key]
        met = met and not missed
        goal = f"   goal {GOALS[key]:g}{': MISSED' if missed else ''}" if key in GOALS and not options.short else ""
        print(f"{name:52}{row}{goal}")
    if options.json:
        write_json(options.json, torrents=options.torrents, results=results)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
