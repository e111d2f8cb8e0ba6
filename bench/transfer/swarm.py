"""One transfer, measured: some seeders, some downloaders, a tracker between them."""

import os
import shutil
import tempfile

import contestants
import measure
import network
import syscalls
from payload import payload
from peers import CONTESTANTS, SMALL
from place import Place
from process import Timeout, until

GIB = 1 << 30
BLOCK = 16 << 10
SHAPES = {"1-1": (1, 1), "1-4": (1, 4), "4-1": (4, 1)}  # seeders, downloaders


class TracedPlace(Place):
    def __init__(self, folder, options, addresses):
        super().__init__(folder, os.path.abspath(options.barter), addresses)
        self.roofline = os.path.abspath(options.roofline)
        self.traces = None  # folder for what strace counts of processes started from now on

    def trace_of(self, name):
        return os.path.join(self.traces, name + ".calls")

    def traced(self, name, arguments):
        """The command under strace, if calls are counted now."""
        return arguments if self.traces is None else syscalls.traced(self.trace_of(name), arguments)


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.seeders, self.getters = SHAPES[options.shape]
        self.addresses = network.Addresses()
        self.torrents = {}

    def content(self, size):
        """(source, torrent) of that many random bytes, in the page cache."""
        if size not in self.torrents:
            self.torrents[size] = payload(os.path.join(self.folder, f"data-{size}"), size >> 20,
                                          self.options.piece_length)
        return self.torrents[size]

    def place(self, size):
        """A folder of its own for one transfer, and (source, torrent)."""
        content = self.content(size)
        return TracedPlace(tempfile.mkdtemp(dir=self.folder), self.options, self.addresses), *content

    def size_for(self, getter, seeder):
        return min(SMALL.get(getter, self.options.size), SMALL.get(seeder, self.options.size),
                   self.options.size)

    def run(self, getter, seeder):
        """One transfer; a dictionary of figures."""
        place, source, plain = self.place(self.size_for(getter, seeder))
        try:
            return self.measured(place, getter, seeder, source, plain)
        finally:
            place.close()
            shutil.rmtree(place.folder)

    def swarm(self, place, getter, seeder, source, plain):
        """(tracker, torrent, seeders that serve, downloaders not started yet)."""
        tracker = contestants.Opentracker(place)
        os.chmod(self.folder, 0o755)
        tracker.serve(plain)
        torrent = plain.with_trackers(os.path.join(place.folder, "payload.torrent"), tracker.url())
        seeds = [CONTESTANTS[seeder](place, f"seed{number}") for number in range(self.seeders)]
        for seed in seeds:
            # A folder for each, where clients may leave what they like; the same pages for all.
            own = os.path.join(place.folder, f"data-{seed.name}")
            os.makedirs(own)
            os.link(source, os.path.join(own, os.path.basename(source)))
            seed.ready(torrent, own)
        if seeds[0].announces:
            until(lambda: tracker.scrape(torrent)[0] == len(seeds), 30, "announce of the seeders",
                  seeds[0].process)
        gets = [CONTESTANTS[getter](place, f"get{number}") for number in range(self.getters)]
        return tracker, torrent, seeds, gets

    def start(self, get, torrent, seeds, got):
        get.fetch(torrent, got, seeds, self.getters > 1)

    @staticmethod
    def folder_for(place, get):
        got = os.path.join(place.folder, f"got-{get.name}")
        os.makedirs(got)
        return got

    def measured(self, place, getter, seeder, source, plain):
        size = os.path.getsize(source)
        tracker, torrent, seeds, gets = self.swarm(place, getter, seeder, source, plain)
        folders = [self.folder_for(place, get) for get in gets]
        if self.options.disk:
            if size >= GIB:  # what is shorter measures nothing
                measure.hold_free_memory(2 * GIB)
            os.sync()  # what earlier runs left to be written
        else:
            measure.warm(self.options.folder, size * len(gets))

        known = [os.getpid(), tracker.process.pid] + [seed.process.pid for seed in seeds]
        known_cpu = sum(map(measure.cpu_seconds, known))
        machine = measure.machine_cpu_seconds()
        seed_cpu = sum(measure.cpu_seconds(seed.process.pid) for seed in seeds)
        watches = [measure.Watch(seed.process.pid) for seed in seeds]
        began = measure.now()
        for get, got in zip(gets, folders):
            self.start(get, torrent, seeds, got)
            watches.append(measure.Watch(get.process.pid))
        until(lambda: any(map(first_byte, folders)) or all(get.finished() for get in gets), 60, "first byte",
              gets[0].process)
        first = measure.now()
        for get in gets:
            until(get.finished, self.options.timeout, "completion", get.process)
        wall = measure.now() - began

        seed_cpu = sum(measure.cpu_seconds(seed.process.pid) for seed in seeds) - seed_cpu
        running = {get: measure.cpu_seconds(get.process.pid) for get in gets if get.process.poll() is None}
        machine = measure.machine_cpu_seconds() - machine
        known_cpu = sum(map(measure.cpu_seconds, known)) - known_cpu
        for watch in watches:
            watch.stop()
        fsync = self.fsync(folders) if self.options.disk else None
        for peer in gets + seeds:
            peer.stop()
        get_cpu = sum(running.get(get) or cpu_of(get) for get in gets)
        self.compare(source, folders, f"{getter} from {seeder}")
        moved = size * len(gets)
        seed_watches, get_watches = watches[:len(seeds)], watches[len(seeds):]
        return {
            "get": getter, "seed": seeder, "bytes": size, "moved": moved, "wall": wall,
            "wall_from_first_byte": wall - (first - began),
            "wall_to_disk": None if fsync is None else wall + fsync,
            "mib_per_second": moved / wall / (1 << 20),
            "get_cpu": get_cpu / (moved / GIB), "seed_cpu": seed_cpu / (moved / GIB),
            "cpu": (get_cpu + seed_cpu) / (moved / GIB),
            "get_rss": max(watch.rss for watch in get_watches),
            "get_anon": max(watch.anon for watch in get_watches),
            "seed_rss": max(watch.rss for watch in seed_watches),
            "seed_anon": max(watch.anon for watch in seed_watches),
            "get_switches": sum(map(switches_of, gets)), "seed_switches": sum(map(switches_of, seeds)),
            "foreign": (machine - known_cpu - get_cpu) / wall,
        }

    def count_calls(self, getter, seeder):
        """System calls per block of each side, in a short transfer of its own; None where the system
        does not let us look."""
        place, source, plain = self.place(min(self.size_for(getter, seeder), 128 << 20))
        try:
            tracker, torrent, seeds, gets = self.swarm(place, getter, seeder, source, plain)
            place.traces = os.path.join(place.folder, "calls")
            os.makedirs(place.traces)
            try:
                attached = [syscalls.Attached(seed.process.pid, place.trace_of(seed.name)) for seed in seeds]
            except Timeout:
                return None
            for get in gets:
                self.start(get, torrent, seeds, self.folder_for(place, get))
            for get in gets:
                until(get.finished, 10 * self.options.timeout, "completion", get.process)
            for trace in attached:
                trace.stop()
            for get in gets:
                get.stop()
            blocks = len(gets) * os.path.getsize(source) / BLOCK
            figures = {"blocks": blocks}
            for side, peers in (("get", gets), ("seed", seeds)):
                counted = [syscalls.calls(place.trace_of(peer.name)) for peer in peers]
                if None in counted:
                    return None
                names = {name for table in counted for name in table}
                figures[side] = {name: sum(table.get(name, 0) for table in counted) / blocks
                                 for name in names}
            return figures
        finally:
            place.close()
            shutil.rmtree(place.folder)

    @staticmethod
    def fsync(folders):
        """Seconds until what was downloaded is on the disk."""
        began = measure.now()
        for folder in folders:
            with open(os.path.join(folder, "payload.bin"), "rb") as file:
                os.fsync(file.fileno())
        return measure.now() - began

    @staticmethod
    def compare(source, folders, who):
        for folder in folders:
            if not measure.same_bytes(source, os.path.join(folder, "payload.bin")):
                raise AssertionError(f"{who}: what arrived is not what was sent")


def first_byte(folder):
    """Whether something was written there; who writes whole pieces only is seen a piece late."""
    return any(entry.stat().st_blocks and entry.name.startswith("payload") for entry in os.scandir(folder))


def cpu_of(peer):
    """Of a process that has ended."""
    return peer.process.usage.ru_utime + peer.process.usage.ru_stime


def switches_of(peer):
    return peer.process.usage.ru_nvcsw + peer.process.usage.ru_nivcsw
