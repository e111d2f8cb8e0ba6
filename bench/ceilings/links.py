"""Hundreds of connections on one swarm: a seed that is asked by all of them, a download that is fed by all.

The other side is one process of ours, `load`, on the same loopback device: its CPU is not counted, but it
shares the machine."""

import json
import os
import shutil
import tempfile

import contestants
import measure
from payload import payload
from place import Place
from process import Process, until
from table import Column, print_table

KIB, MIB, GIB = 1 / 1024, 1 << 20, 1 << 30
COLUMNS = [
    Column("links", "links", "{:.0f}"), Column("used", "used", "{:.0f}"), Column("s", "seconds"),
    Column("MiB/s", "mib_per_second", "{:.0f}"), Column("CPU s/GiB", "cpu"),
    Column("own MiB before", "anon_before", "{:.1f}", KIB), Column("own MiB at most", "anon", "{:.1f}", KIB),
    Column("KiB a link", "link_kib", "{:.1f}"),
]


def new_place(options, addresses):
    """In a folder of its own, which goes when it is closed."""
    place = Place(tempfile.mkdtemp(dir=options.work), os.path.abspath(options.barter), addresses)
    place.at_end(lambda: shutil.rmtree(place.folder, ignore_errors=True))
    return place


class Loaded:
    def __init__(self, options, torrent, source, links):
        self.options, self.torrent, self.source, self.links = options, torrent, source, links

    def load(self, place, role, port, seconds):
        return Process("load", [
            self.options.load, role, place.addresses.here(), port, "--info-hash", self.torrent.hash20(), "--file",
            self.source, "--piece-length", self.torrent.piece_length, "--connections", self.links,
            "--seconds", seconds], place.folder)

    @staticmethod
    def result(load):
        return json.loads(load.output().splitlines()[-1])

    def connected(self, load):
        until(lambda: '"connected"' in load.output(), 60, "connections", load)

    def seed(self, place):
        """One seed, everybody takes."""
        data = os.path.join(place.folder, "data")
        os.makedirs(data)
        os.link(self.source, os.path.join(data, "payload.bin"))
        seed = contestants.Barter(place, "seed")
        seed.seed(self.torrent, data, "--max-peers", self.links)
        before = anon_of(seed.process.pid)
        cpu = measure.cpu_seconds(seed.process.pid)
        watch = measure.Watch(seed.process.pid)
        load = self.load(place, "take", seed.port, self.options.link_seconds)
        self.connected(load)
        if load.wait(self.options.link_seconds + 60) != 0:
            raise AssertionError(load.tail())
        cpu = measure.cpu_seconds(seed.process.pid) - cpu
        watch.stop()
        return self.figures(self.result(load), before, watch, cpu)

    def get(self, place):
        """One download, everybody gives."""
        got = os.path.join(place.folder, "got")
        get = contestants.Barter(place, "get")
        measure.warm(self.options.work, os.path.getsize(self.source))
        began = measure.now()
        get.get(self.torrent, got, (), "--max-peers", str(self.links), seed=False)
        until(get.listens, 20, "listening", get.process)
        before = anon_of(get.process.pid)
        watch = measure.Watch(get.process.pid)
        load = self.load(place, "give", get.port, 600)
        get.wait(120)
        seconds = measure.now() - began
        watch.stop()
        get.stop()
        load.stop()
        cpu = get.process.usage.ru_utime + get.process.usage.ru_stime
        if not measure.same_bytes(self.source, os.path.join(got, "payload.bin")):
            raise AssertionError("what arrived is not what was sent")
        return self.figures(self.result(load) | {"seconds": seconds}, before, watch, cpu)

    def figures(self, result, before, watch, cpu):
        return {"links": result["links"], "used": result["used"], "seconds": result["seconds"],
                "mib_per_second": result["bytes"] / result["seconds"] / MIB,
                "cpu": cpu / (result["bytes"] / GIB), "anon_before": before, "anon": watch.anon,
                "link_kib": (watch.anon - before) / self.links,
                "least": result["least"], "most": result["most"]}


def anon_of(pid):
    watch = measure.Watch(pid)
    watch.look()
    watch.stop()
    return watch.anon


def run(options, addresses):
    """Row -> runs."""
    folder = os.path.join(options.work, "links")
    source, torrent = payload(folder, options.links_mib)
    results = {}
    for _ in range(options.runs):
        for links in (1, options.links):
            for role in ("seed", "get"):
                place = new_place(options, addresses)
                try:
                    loaded = Loaded(options, torrent, source, links)
                    results.setdefault(f"barter {role}, {links}", []).append(getattr(loaded, role)(place))
                finally:
                    place.close()
    shutil.rmtree(folder)
    return results


def show(options, results):
    print(f"\nconnections on one swarm: {options.links_mib} MiB in memory, 1 MiB pieces, loopback; a seed asked for "
          f"{options.link_seconds:g} s, a download to its end")
    print_table("", COLUMNS, results)
