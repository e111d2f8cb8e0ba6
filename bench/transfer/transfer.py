#!/usr/bin/env python3
"""transfer.py: one seeder, one downloader, each program with its own kind or with another, in turn.

Random data on tmpfs, 1 MiB pieces, a network namespace with only `lo`, the peer found by a tracker.
Each round runs every contestant once, so that all see the same minutes of the machine. Wall time counts
from the start of the downloader's process until it has everything; contents are compared afterwards.
CPU that others used meanwhile is measured, and a run that was disturbed is thrown away and done again.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))  # the contestants are those of the interop table

import contestants  # noqa: E402
import measure  # noqa: E402
import network  # noqa: E402
from process import until  # noqa: E402
from torrents import Torrent  # noqa: E402

GIB = 1 << 30
# libtorrent as fast as a sweep of its settings made it: long request queues make it slower.
TUNED = {"max_out_request_queue": 250, "aio_threads": 4, "hashing_threads": 2,
         "max_queued_disk_bytes": 64 << 20, "unchoke_slots_limit": -1}


class Barter(contestants.Barter):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def fetch(self, torrent, folder):
        self.get(torrent, folder, seed=False)


class Libtorrent(contestants.Libtorrent):
    def ready(self, torrent, folder):
        self.seed(torrent, folder, trust=True, settings=TUNED)

    def fetch(self, torrent, folder):
        self.get(torrent, folder, settings=TUNED)


class Aria2(contestants.Aria2):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def fetch(self, torrent, folder):
        # It ends when it has everything; no RPC to disturb it.
        self.launch(torrent, folder, "--seed-time=0", "--enable-rpc=false", wait=False)

    def finished(self):
        if self.rpc_used:
            return super().finished()
        return self.process.poll() == 0


class Rtorrent(contestants.Rtorrent):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def fetch(self, torrent, folder):
        self.mark = os.path.join(self.folder, "finished")
        self.launch(torrent, folder, [
            f'method.set_key = event.download.finished, bench, "execute.nothrow=touch,{self.mark}"'])

    def finished(self):
        return os.path.exists(self.mark) if hasattr(self, "mark") else super().finished()


class Transmission(contestants.Transmission):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def fetch(self, torrent, folder):
        self.get(torrent, folder)


CONTESTANTS = {"barter": Barter, "libtorrent": Libtorrent, "aria2": Aria2, "rtorrent": Rtorrent,
               "transmission": Transmission}
# It fetches 512 blocks of 16 KiB a second, whatever the machine: a smaller transfer says as much.
SMALL = {"transmission": 64 << 20}


class Place:
    """What contestants expect of a row of the interop table."""

    def __init__(self, folder, barter, addresses):
        self.folder, self.barter, self.addresses = folder, barter, addresses
        self.peers = []
        self.cleanups = []

    def at_end(self, function):
        self.cleanups.append(function)

    def address(self):
        return self.addresses.address()

    def port(self):
        return self.addresses.port()

    def started(self, peer):
        self.peers.append(peer)

    def close(self):
        for peer in self.peers:
            peer.kill()
        for function in self.cleanups:
            function()


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.addresses = network.Addresses()
        self.torrents = {}

    def content(self, size):
        """(source, torrent) of that many random bytes."""
        if size not in self.torrents:
            data = os.path.join(self.folder, f"data-{size}")
            os.makedirs(data)
            source = os.path.join(data, "payload.bin")
            with open(source, "wb", buffering=0) as file:
                for _ in range(size >> 20):
                    file.write(os.urandom(1 << 20))
            path = os.path.join(self.folder, f"{size}.torrent")
            subprocess.run([contestants.PYTHON, os.path.join(contestants.HERE, "lt.py"), "create",
                            source, path, str(1 << 20), "v1"], check=True)
            self.torrents[size] = (source, Torrent(path))
        return self.torrents[size]

    def run(self, getter, seeder):
        """One transfer; a dictionary of figures."""
        size = min(SMALL.get(getter, self.options.size), SMALL.get(seeder, self.options.size),
                   self.options.size)
        source, plain = self.content(size)
        folder = tempfile.mkdtemp(dir=self.folder)
        place = Place(folder, os.path.abspath(self.options.barter), self.addresses)
        try:
            return self.measured(place, getter, seeder, source, plain, size)
        finally:
            place.close()
            shutil.rmtree(folder)

    def measured(self, place, getter, seeder, source, plain, size):
        tracker = contestants.Opentracker(place)
        os.chmod(self.folder, 0o755)
        tracker.serve(plain)
        torrent = plain.with_trackers(os.path.join(place.folder, "payload.torrent"), tracker.url())
        seed, get = CONTESTANTS[seeder](place, "seed"), CONTESTANTS[getter](place, "get")
        seed.ready(torrent, os.path.dirname(source))
        until(lambda: tracker.scrape(torrent)[0] == 1, 30, "announce of the seeder", seed.process)
        got = os.path.join(place.folder, "got")
        os.makedirs(got)
        measure.warm(got, size)

        others = [os.getpid(), seed.process.pid, tracker.process.pid]
        before = sum(map(measure.cpu_seconds, others))
        machine = measure.machine_cpu_seconds()
        seed_cpu = measure.cpu_seconds(seed.process.pid)
        seed_watch = measure.Watch(seed.process.pid)
        began = measure.now()
        get.fetch(torrent, got)
        get_watch = measure.Watch(get.process.pid)
        first = until(lambda: self.first_byte(got) or get.finished(), 60, "first byte", get.process)
        first = measure.now() if first else None
        until(get.finished, self.options.timeout, "completion", get.process)
        ended = measure.now()

        seed_cpu = measure.cpu_seconds(seed.process.pid) - seed_cpu
        running = get.process.poll() is None
        if running:
            get_cpu = measure.cpu_seconds(get.process.pid)
        machine = measure.machine_cpu_seconds() - machine
        ours = sum(map(measure.cpu_seconds, others)) - before
        get_watch.stop()
        seed_watch.stop()
        get.stop()
        usage = get.process.usage
        if not running:
            get_cpu = usage.ru_utime + usage.ru_stime
        seed.stop()
        if not measure.same_bytes(source, os.path.join(got, "payload.bin")):
            raise AssertionError(f"{getter} from {seeder}: what arrived is not what was sent")
        wall = ended - began
        return {
            "get": getter, "seed": seeder, "bytes": size, "wall": wall,
            "wall_from_first_byte": ended - first, "mib_per_second": size / wall / (1 << 20),
            "get_cpu": get_cpu / (size / GIB), "seed_cpu": seed_cpu / (size / GIB),
            "get_rss": get_watch.rss, "get_anon": get_watch.anon,
            "seed_rss": seed_watch.rss, "seed_anon": seed_watch.anon,
            "get_switches": usage.ru_nvcsw + usage.ru_nivcsw,
            "seed_switches": seed.process.usage.ru_nvcsw + seed.process.usage.ru_nivcsw,
            "foreign": (machine - ours - get_cpu) / wall,
        }

    @staticmethod
    def first_byte(folder):
        for entry in os.scandir(folder):
            if entry.stat().st_blocks and entry.name.startswith("payload"):
                return True
        return False


COLUMNS = [  # heading, key, scale, format
    ("wall s", "wall", 1, "{:.2f}"), ("MiB/s", "mib_per_second", 1, "{:.0f}"),
    ("from 1st byte s", "wall_from_first_byte", 1, "{:.2f}"),
    ("get CPU s/GiB", "get_cpu", 1, "{:.2f}"), ("seed CPU s/GiB", "seed_cpu", 1, "{:.2f}"),
    ("get anon MiB", "get_anon", 1 / 1024, "{:.0f}"), ("get RSS MiB", "get_rss", 1 / 1024, "{:.0f}"),
    ("seed anon MiB", "seed_anon", 1 / 1024, "{:.0f}"),
    ("switches get", "get_switches", 1, "{:.0f}"), ("switches seed", "seed_switches", 1, "{:.0f}"),
    ("foreign %", "foreign", 100, "{:.0f}"),
]


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def print_table(results):
    lines = [["get < seed"] + [heading for heading, *_ in COLUMNS]]
    for pair, runs in results.items():
        cells = []
        for _, key, scale, form in COLUMNS:
            values = [run[key] * scale for run in runs]
            cell = form.format(statistics.median(values))
            if key in ("wall", "get_cpu", "seed_cpu") and len(values) > 1:
                cell += f" ({form.format(min(values))}-{form.format(max(values))})"
            cells.append(cell)
        lines.append([pair] + cells)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(line, widths))))


def print_ratios(results, base):
    if base not in results:
        return
    print(f"\nbeside {base} (less is better):")
    for pair, runs in results.items():
        if pair == base or runs[0]["bytes"] != results[base][0]["bytes"]:
            continue
        ratios = [f"{heading} {median(runs, key) / max(median(results[base], key), 1e-9):.2f}"
                  for heading, key, *_ in COLUMNS if key in ("wall", "get_cpu", "seed_cpu", "get_anon")]
        total = ((median(runs, "get_cpu") + median(runs, "seed_cpu"))
                 / (median(results[base], "get_cpu") + median(results[base], "seed_cpu")))
        print(f"  {pair}: {', '.join(ratios)}, CPU of both {total:.2f}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pairs", nargs="*", metavar="GET[/SEED]",
                        help="who downloads, and from whom (default: from its own kind); of "
                        + ", ".join(CONTESTANTS))
    parser.add_argument("--barter", default=os.path.join(ROOT, "build", "release", "bin", "barter"))
    parser.add_argument("--mib", type=int, default=2048, help="size of the transfer (2048)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--foreign", type=float, default=10,
                        help="per cent of a core that others may use in a run (10)")
    parser.add_argument("--folder", default="/dev/shm",
                        help="where the data lies; on a disk it is the disk that is measured (/dev/shm)")
    parser.add_argument("--json", metavar="FILE", help="write every run to this file")
    options = parser.parse_args()
    options.size = options.mib << 20
    options.pairs = [tuple((pair.split("/") * 2)[:2])
                     for pair in options.pairs or ("barter", "libtorrent", "aria2", "rtorrent")]
    for name in {name for pair in options.pairs for name in pair}:
        if name not in CONTESTANTS:
            parser.error(f"no contestant {name}; there are {', '.join(CONTESTANTS)}")
    return options


def undisturbed(bench, getter, seeder, options):
    """A run that nobody disturbed, after at most four attempts; disturbed ones are told."""
    for _ in range(4):
        figures = bench.run(getter, seeder)
        if figures["foreign"] * 100 <= options.foreign:
            return figures
        print(f"thrown away: {getter} from {seeder}, {figures['wall']:.2f} s: others used "
              f"{figures['foreign'] * 100:.0f} % of a core", file=sys.stderr)
    sys.exit("transfer.py: others use too much of this machine for any measurement (--foreign)")


def main():
    options = arguments()
    network.enter()
    if not network.is_private():
        print("no private network namespace here: on loopback addresses", file=sys.stderr)
    needed = 2 * options.size + (64 << 20)
    free = shutil.disk_usage(options.folder).free
    if free < needed:
        sys.exit(f"transfer.py: needs {needed >> 20} MiB in {options.folder}, {free >> 20} are free "
                 "(--mib, --folder)")
    folder = tempfile.mkdtemp(prefix="barter-transfer-", dir=options.folder)
    results = {}
    try:
        bench = Bench(options, folder)
        for _ in range(options.runs):
            for getter, seeder in options.pairs:
                name = getter if getter == seeder else f"{getter} < {seeder}"
                results.setdefault(name, []).append(undisturbed(bench, getter, seeder, options))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{options.mib} MiB, 1 MiB pieces, {options.runs} runs: median (least-most)")
    print_table(results)
    print_ratios(results, "libtorrent")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"mib": options.mib, "runs": results}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
