"""Hundreds of connections on one swarm: a seed that is asked by all of them, a download that is fed by all.

The other side is one process of ours, `load`, on the same loopback device: its CPU is not counted, but it
shares the machine."""

import json
import os
import shutil
import subprocess
import tempfile

import contestants
import measure
from process import Process, until
from table import Column, print_table
from torrents import Torrent

KIB, MIB, GIB = 1 / 1024, 1 << 20, 1 << 30
COLUMNS = [
    Column("links", "links", "{:.0f}"), Column("used", "used", "{:.0f}"), Column("s", "seconds"),
    Column("MiB/s", "mib_per_second", "{:.0f}"), Column("CPU s/GiB", "cpu"),
    Column("own MiB before", "anon_before", "{:.1f}", KIB), Column("own MiB at most", "anon", "{:.1f}", KIB),
    Column("KiB a link", "link_kib", "{:.1f}"),
]


class Row:
    """What contestants expect of a row of the interop table."""

    def __init__(self, options, addresses):
        self.folder = tempfile.mkdtemp(dir=options.work)
        os.chmod(self.folder, 0o755)
        self.barter = os.path.abspath(options.barter)
        self.addresses = addresses
        self.peers, self.cleanups = [], []

    def address(self):
        return self.addresses.address()

    def port(self):
        return self.addresses.port()

    def started(self, peer):
        self.peers.append(peer)

    def at_end(self, function):
        self.cleanups.append(function)

    def close(self):
        for peer in self.peers:
            peer.kill()
        for function in self.cleanups:
            function()
        shutil.rmtree(self.folder, ignore_errors=True)


class Loaded:
    def __init__(self, options, torrent, source, links):
        self.options, self.torrent, self.source, self.links = options, torrent, source, links

    def load(self, row, role, port, seconds):
        return Process("load", [
            self.options.load, role, row.addresses.here(), port, "--info-hash", self.torrent.hash20(), "--file",
            self.source, "--piece-length", self.torrent.piece_length, "--connections", self.links,
            "--seconds", seconds], row.folder)

    @staticmethod
    def result(load):
        return json.loads(load.output().splitlines()[-1])

    def connected(self, load):
        until(lambda: '"connected"' in load.output(), 60, "connections", load)

    def seed(self, row):
        """One seed, everybody takes."""
        data = os.path.join(row.folder, "data")
        os.makedirs(data)
        os.link(self.source, os.path.join(data, "payload.bin"))
        seed = contestants.Barter(row, "seed")
        seed.seed(self.torrent, data, "--max-peers", self.links)
        before = anon_of(seed.process.pid)
        cpu = measure.cpu_seconds(seed.process.pid)
        watch = measure.Watch(seed.process.pid)
        load = self.load(row, "take", seed.port, self.options.link_seconds)
        self.connected(load)
        if load.wait(self.options.link_seconds + 60) != 0:
            raise AssertionError(load.tail())
        cpu = measure.cpu_seconds(seed.process.pid) - cpu
        watch.stop()
        return self.figures(self.result(load), before, watch, cpu)

    def get(self, row):
        """One download, everybody gives."""
        got = os.path.join(row.folder, "got")
        get = contestants.Barter(row, "get")
        measure.warm(self.options.work, os.path.getsize(self.source))
        began = measure.now()
        get.get(self.torrent, got, (), "--max-peers", str(self.links), seed=False)
        until(get.listens, 20, "listening", get.process)
        before = anon_of(get.process.pid)
        watch = measure.Watch(get.process.pid)
        load = self.load(row, "give", get.port, 600)
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


def content(folder, mib):
    source = os.path.join(folder, "payload.bin")
    with open(source, "wb", buffering=0) as file:
        for _ in range(mib):
            file.write(os.urandom(MIB))
    path = os.path.join(folder, "plain.torrent")
    subprocess.run([contestants.PYTHON, os.path.join(contestants.HERE, "lt.py"), "create", source, path,
                    str(MIB), "v1"], check=True)
    return source, Torrent(path)


def run(options, addresses):
    """Row -> runs."""
    folder = os.path.join(options.work, "links")
    os.makedirs(folder)
    source, torrent = content(folder, options.links_mib)
    results = {}
    for _ in range(options.runs):
        for links in (1, options.links):
            for role in ("seed", "get"):
                row = Row(options, addresses)
                try:
                    loaded = Loaded(options, torrent, source, links)
                    results.setdefault(f"barter {role}, {links}", []).append(getattr(loaded, role)(row))
                finally:
                    row.close()
    shutil.rmtree(folder)
    return results


def show(options, results):
    print(f"\nconnections on one swarm: {options.links_mib} MiB in memory, 1 MiB pieces, loopback; a seed asked for "
          f"{options.link_seconds:g} s, a download to its end")
    print_table("", COLUMNS, results)
