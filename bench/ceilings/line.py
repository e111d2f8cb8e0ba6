"""The long fat line: one seed, one downloader, 1 Gbit/s with 100 ms between them (bench/shaped)."""

import os
import shutil
import sys
import tempfile
import threading

import contestants
import measure
import peers
from members import Host
from payload import payload
from process import until
from star import Link, Star
from table import Column, print_table

PAYLOAD = 1448 / 1514  # of the line: TCP with time stamps, MTU 1500
KIB, MIB = 1 / 1024, 1 << 20
COLUMNS = [
    Column("MiB", "mib", "{:.0f}"), Column("wall s", "wall"), Column("MiB/s", "mib_per_second", "{:.1f}"),
    Column("of the line", "share"), Column("steady MiB/s", "steady_mib_per_second", "{:.1f}"),
    Column("of the line", "steady_share"),
    Column("get CPU s/GiB", "get_cpu"), Column("seed CPU s/GiB", "seed_cpu"),
    Column("get own MiB", "get_anon", "{:.0f}", KIB), Column("seed own MiB", "seed_anon", "{:.0f}", KIB),
    Column("dropped MB", "dropped", "{:.1f}", 1e-6), Column("late %", "late", "{:.2f}", 100),
]


# As an expert would set it for such a line: enough requests, and enough read ahead of the socket.
LONG = {"max_out_request_queue": 3000, "max_allowed_in_request_queue": 4000, "request_queue_time": 10,
        "send_buffer_watermark": 32 << 20, "send_buffer_watermark_factor": 200,
        "max_queued_disk_bytes": 128 << 20, "unchoke_slots_limit": -1}


class Libtorrent(contestants.Libtorrent):
    """As it comes; what makes it fast without delay (bench/transfer) is not enough here."""

    own_settings = {}

    def ready(self, torrent, folder):
        self.seed(torrent, folder, trust=True, settings=self.own_settings)

    def fetch(self, torrent, folder, _seeds, _stay):
        self.get(torrent, folder, settings=self.own_settings)


class LongLibtorrent(Libtorrent):
    own_settings = LONG


CONTESTANTS = {**peers.CONTESTANTS, "libtorrent": Libtorrent, "libtorrent-long": LongLibtorrent}
del CONTESTANTS["roofline"]
# They fetch a few MiB a second over such a distance: a smaller transfer says as much.
SMALL = {"aria2": 64, "transmission": 64}  # MiB


class OnHost(Host):
    def traced(self, _name, arguments):
        """No system calls are counted here."""
        return arguments


class Arrivals(threading.Thread):
    """Bytes that a host has received, five times a second."""

    def __init__(self, star, host):
        super().__init__(daemon=True)
        self.star, self.host = star, host
        self.samples = []
        self._stopping = threading.Event()
        self.start()

    def run(self):
        while not self._stopping.wait(0.2):
            counters = self.star.counters()
            self.samples.append((measure.now(), counters["hosts"][self.host]["down_bytes"]))

    def stop(self):
        self._stopping.set()
        self.join()

    def steady(self):
        """Bytes a second on the line after the ramp: while the third to the last quarter arrived."""
        end = self.samples[-1][1]
        inside = [sample for sample in self.samples if end / 4 <= sample[1] <= end * 0.95]
        if len(inside) < 2 or inside[-1][0] <= inside[0][0]:
            return None
        return (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])


def kernel(name):
    with open(f"/proc/sys/net/ipv4/{name}", encoding="ascii") as file:
        return " ".join(file.read().split())


def widen(star, mib):
    """The kernel's own growing of buffers may go so far, on both hosts."""
    for host in ("seed", "get"):
        with star.inside(host):
            for name in ("tcp_rmem", "tcp_wmem"):
                least, usual, _ = kernel(name).split()
                with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as file:
                    file.write(f"{least} {usual} {mib << 20}")


class Transfer:
    """One contestant, once."""

    def __init__(self, options, source, plain):
        self.options, self.source, self.plain = options, source, plain
        self.folder = tempfile.mkdtemp(dir=options.work)
        os.chmod(self.folder, 0o755)
        self.places = []

    def place(self, star, host):
        place = OnHost(os.path.join(self.folder, host), os.path.abspath(self.options.barter), star.address(host))
        self.places.append(place)
        return place

    def run(self, name, buffers):
        rate, delay = self.options.line_mbit, self.options.line_round_trip / 4
        links = [Link("tracker", 0, 0, delay), Link("seed", rate, rate, delay), Link("get", rate, rate, delay)]
        try:
            with Star(self.options.star, links, segments=True) as star:
                try:
                    if buffers:
                        widen(star, buffers)
                    return self.measured(star, CONTESTANTS[name])
                finally:
                    for place in self.places:
                        place.close()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def open_seed(self, star, kind):
        with star.inside("tracker"):
            tracker = contestants.Opentracker(self.place(star, "tracker"))
            tracker.serve(self.plain)
            torrent = self.plain.with_trackers(os.path.join(self.folder, "payload.torrent"), tracker.url())
        data = os.path.join(self.folder, "data")
        os.makedirs(data)
        os.link(self.source, os.path.join(data, "payload.bin"))
        with star.inside("seed"):
            seed = kind(self.place(star, "seed"), "seed")
            seed.ready(torrent, data)
        with star.inside("tracker"):
            until(lambda: tracker.scrape(torrent)[0] == 1, 30, "announce of the seed", seed.process)
        return torrent, seed

    def measured(self, star, kind):
        torrent, seed = self.open_seed(star, kind)
        got = os.path.join(self.folder, "got")
        os.makedirs(got)
        size = os.path.getsize(self.source)
        measure.warm(self.options.work, size)
        seed_cpu = measure.cpu_seconds(seed.process.pid)
        arrivals = Arrivals(star, "get")
        watches = [measure.Watch(seed.process.pid)]
        began = measure.now()
        with star.inside("get"):
            get = kind(self.place(star, "get"), "get")
            get.fetch(torrent, got, [seed], False)
            watches.append(measure.Watch(get.process.pid))
            until(get.finished, 60 + size / 5e5, "completion", get.process)
        wall = measure.now() - began
        arrivals.stop()
        seed_cpu = measure.cpu_seconds(seed.process.pid) - seed_cpu
        counters = star.counters()
        for watch in watches:
            watch.stop()
        running = measure.cpu_seconds(get.process.pid) if get.process.poll() is None else None
        get.stop()
        usage = get.process.usage
        get_cpu = running if running is not None else usage.ru_utime + usage.ru_stime
        if not measure.same_bytes(self.source, os.path.join(got, "payload.bin")):
            raise AssertionError(f"{kind.kind}: what arrived is not what was sent")
        line = self.options.line_mbit * 1e6 / 8 * PAYLOAD
        steady = arrivals.steady()
        return {
            "wall": wall, "mib_per_second": size / wall / MIB, "share": size / wall / line,
            "steady_mib_per_second": steady and steady * PAYLOAD / MIB,
            "steady_share": steady and steady * PAYLOAD / line,
            "get_cpu": get_cpu / (size / (1 << 30)), "seed_cpu": seed_cpu / (size / (1 << 30)),
            "seed_anon": watches[0].anon, "get_anon": watches[1].anon,
            "late": counters["late"] / max(counters["arrived"], 1),
            "dropped": sum(host[f"{way}_dropped_bytes"] for host in counters["hosts"].values()
                           for way in ("up", "down")),
        }


def run(options):
    """Row -> runs."""
    folder = os.path.join(options.work, "line")
    os.makedirs(folder)
    contents, results = {}, {}
    for _ in range(options.runs):
        for name in options.contestants:
            mib = min(SMALL.get(name, options.line_mib), options.line_mib)
            if mib not in contents:
                contents[mib] = payload(os.path.join(folder, str(mib)), mib)
            for label, buffers in options.buffers:
                figures = Transfer(options, *contents[mib]).run(name, buffers) | {"mib": mib}
                results.setdefault(f"{name}, {label}", []).append(figures)
                print(f"{name}, {label}: {figures['wall']:.1f} s, {figures['mib_per_second']:.0f} MiB/s",
                      file=sys.stderr)
    shutil.rmtree(folder)
    return results


def show(options, results):
    print(f"\n{options.line_mbit:g} Mbit/s, {options.line_round_trip:g} ms, 1 MiB pieces; the line "
          f"carries {options.line_mbit * 1e6 / 8 * PAYLOAD / MIB:.1f} MiB/s of payload")
    print(f"{kernel('tcp_congestion_control')}; buffers as found: tcp_rmem {kernel('tcp_rmem')}, "
          f"tcp_wmem {kernel('tcp_wmem')}")
    print_table("seed and get", COLUMNS, results)
