#!/usr/bin/env python3
"""hostile.py: what hostile peers cost others: floods, places that are held for nothing, slow connections.

floods: a seed and a download, alone and beside peers that flood the seed; the ratio is what the download loses. The
flooders use the same CPUs, so a ratio of two on a small machine is not all barter's.
places: how long a newcomer takes to have a small torrent of a seed whose places are held by others.
tracker: how many announces of newcomers are answered, and how soon, with `ulimit -n 256` and slow connections.

Without any of these: all. Contents are compared. Nothing outside of a private network namespace is contacted; where
that is not allowed, nothing but loopback addresses.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))

import attackers  # noqa: E402
import measure  # noqa: E402
import network  # noqa: E402
from process import Process, run, until  # noqa: E402
from table import Column, print_table, write_json  # noqa: E402
from torrents import Torrent  # noqa: E402

MIB = 1 << 20
TABLES = ("floods", "places", "tracker")
ALONE = ["--no-dht", "--no-lsd", "--no-pex", "--json"]


def events(process):
    out = []
    for line in process.output().splitlines():
        if line.endswith("}"):
            out.append(json.loads(line))
    return out


class Swarm:
    """A torrent, a seed of it, and downloads that begin with nothing but the seed's address."""

    def __init__(self, options, addresses, folder, mib):
        self.options, self.addresses, self.folder = options, addresses, folder
        os.makedirs(folder)
        self.source = os.path.join(folder, "payload")
        with open(self.source, "wb") as file:
            for _ in range(mib):
                file.write(os.urandom(MIB))
        self.path = os.path.join(folder, "payload.torrent")
        run([options.barter, "create", self.source, "--output", self.path, "--piece-length", "256KiB"], folder)
        self.torrent = Torrent(self.path)
        self.at = (addresses.address(), addresses.port())
        self.seed = Process("seed", [options.barter, "seed", self.path, "--dir", folder, "--listen", self.at[0],
                                     "--port", self.at[1], "--state-dir", os.path.join(folder, "state"), *ALONE],
                            folder)
        until(lambda: any(event["event"] == "listening" for event in events(self.seed)), 30, "the seed", self.seed)

    def fetch(self):
        """Seconds from the start of a `get` until it has ended; its data is compared."""
        into = tempfile.mkdtemp(dir=self.folder)
        began = measure.now()
        get = Process("get", [self.options.barter, "get", self.path, "--dir", into, "--peer", "{}:{}".format(*self.at),
                              "--listen", self.addresses.address(), "--port", self.addresses.port(),
                              "--state-dir", os.path.join(into, "state"), *ALONE], into)
        while get.poll() is None and measure.now() < began + self.options.timeout:
            time.sleep(0.002)
        took = measure.now() - began
        if get.poll() is None:
            get.kill()
            return None
        assert get.returncode == 0 and measure.same_bytes(self.source, os.path.join(into, "payload")), get.tail()
        shutil.rmtree(into)
        return took

    def close(self):
        self.seed.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def floods(options, addresses, folder):
    swarm = Swarm(options, addresses, folder, options.mib)
    kinds = {"quiet": [],
             f"{options.flooders} that send keep-alives": [attackers.keep_alives] * options.flooders,
             "one that cancels": [attackers.cancels],
             "one that asks for everything, reads nothing": [attackers.requests]}
    results = {}
    try:
        swarm.fetch()  # warms the seed's file
        for name, jobs in kinds.items():
            jobs = [(job, swarm.path, addresses.address(), swarm.at) for job in jobs]
            with attackers.attack(*jobs):
                time.sleep(1)  # what they may say at once has been said
                results[name] = [{"wall": swarm.fetch()} for _ in range(options.runs)]
    finally:
        swarm.close()
    quiet = statistics.median(each["wall"] or options.timeout for each in results["quiet"])
    for each in (each for runs in results.values() for each in runs):
        each["ratio"] = (each["wall"] or options.timeout) / quiet
    print(f"floods: {options.mib} MiB, one seed, one download, {options.runs} runs: median (least-most)")
    print_table("the seed is flooded by", [Column("s", "wall", spread=True), Column("x quiet", "ratio")], results)
    return results


def places(options, addresses, folder):
    def interested(torrent):
        return attackers.hello(torrent) + attackers.HAVE_NONE + attackers.INTERESTED

    # What each of so many addresses says, on how many links.
    kinds = {"nobody": (0, 0, None), "260 silent connections of an address": (1, 260, lambda _: b""),
             "450 half handshakes of an address": (1, 450, lambda torrent: attackers.hello(torrent)[:48]),
             "80 links of ten addresses that only say interested": (10, 8, interested)}
    if options.short:
        kinds.popitem()
    results = {}
    for name, (hosts, links, words) in kinds.items():
        swarm = Swarm(options, addresses, os.path.join(folder, str(len(results))), 1)
        ready = [multiprocessing.Event() for _ in range(hosts)]
        jobs = [(attackers.hold, addresses.address(), swarm.at, [words(swarm.torrent) for _ in range(links)], each)
                for each in ready]
        try:
            with attackers.attack(*jobs):
                for each in ready:
                    each.wait(60)
                results[name] = [{"wall": swarm.fetch()}]
        finally:
            swarm.close()
    print("places: a newcomer, 1 MiB, one run: seconds from its start until it has all")
    print_table("places are held by", [Column("s", "wall")], results)
    return results


def announce(own, to, number):
    """Seconds until the answer; None without one."""
    path = (f"/announce?info_hash={'%ab' * 20}&peer_id=-XX0000-{number:012d}&port={7000 + number}"
            "&uploaded=0&downloaded=0&left=1&compact=1&event=started")
    began = measure.now()
    try:
        with attackers.connection(own, to) as link:
            link.settimeout(5)
            link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while piece := link.recv(65536):
                answer += piece
    except OSError:
        return None
    return measure.now() - began if b"8:interval" in answer else None


def tracker(options, addresses, folder):
    results = {}
    for name, count in (("none", 0), (f"{options.slow}", options.slow)):
        at = (addresses.address(), addresses.port())
        process = Process("tracker", ["prlimit", "--nofile=256:256", options.barter, "tracker", "--listen",
                                      "{}:{}".format(*at), "--no-udp", "--json"], os.path.join(folder, name))
        ready = multiprocessing.Event()
        jobs = [(attackers.slow_requests, addresses.address(), at, count, ready)] if count else []
        try:
            until(lambda at=at: network.accepts(*at), 30, "the tracker", process)
            with attackers.attack(*jobs):
                if count:
                    ready.wait(60)
                times = []
                for number in range(options.announces):
                    time.sleep(0.1)
                    times.append(announce(addresses.address(), at, number))
        finally:
            process.stop()
        answered = sorted(time for time in times if time is not None)
        results[name] = [{"answered": len(answered) / len(times),
                          "median": statistics.median(answered) if answered else None,
                          "worst": answered[-1] if answered else None}]
    print(f"tracker: 256 descriptors, {options.announces} announces one after the other, each of an address of its own,\n"
          "a tenth of a second apart")
    print_table("slow connections of one address", [
        Column("answered %", "answered", "{:.0f}", 100), Column("median ms", "median", "{:.1f}", 1000),
        Column("worst ms", "worst", "{:.0f}", 1000)], results)
    return results


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}; without any, all")
    parser.add_argument("--barter", default=os.path.join(ROOT, "build", "release", "bin", "barter"))
    parser.add_argument("--mib", type=int, default=64, help="size of the download beside floods")
    parser.add_argument("--flooders", type=int, default=6, help="that send keep-alives")
    parser.add_argument("--slow", type=int, default=1000, help="slow connections to the tracker")
    parser.add_argument("--announces", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5, help="of each row beside floods")
    parser.add_argument("--timeout", type=float, default=90, help="seconds for one download")
    parser.add_argument("--folder", default="/dev/shm", help="where the data lies")
    parser.add_argument("--short", action="store_true", help="one small run of each, to see that it works")
    parser.add_argument("--json", metavar="FILE", help="write every run to this file")
    options = parser.parse_args()
    if wrong := set(options.tables) - set(TABLES):
        parser.error(f"no table {', '.join(sorted(wrong))}")
    options.barter = os.path.abspath(options.barter)
    if options.short:
        options.mib, options.runs, options.announces = 16, 1, 10
    return options


def main():
    options = arguments()
    network.enter()
    measure.clean_up_on_sigterm()
    addresses = network.Addresses()
    folder = tempfile.mkdtemp(prefix="barter-hostile-", dir=options.folder)
    results = {}
    try:
        for table in options.tables or TABLES:
            results[table] = globals()[table](options, addresses, os.path.join(folder, table))
            print()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    write_json(options.json, results=results)
    # Whoever waits for ever is what all of this is against.
    stuck = [name for table in results.values() for name, runs in table.items()
             if any("wall" in each and each["wall"] is None or each.get("answered") == 0 for each in runs)]
    if stuck:
        sys.exit("not served: " + "; ".join(stuck))


if __name__ == "__main__":
    main()
