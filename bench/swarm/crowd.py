"""One flash crowd in a shaped star, measured: a seed, downloaders that all start at once, a tracker."""

import concurrent.futures
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import contestants
import measure
from members import KINDS, Host
from process import Timeout, until
from star import Link, Star
from torrents import Torrent

FRAME, PAYLOAD, ACK = 1514, 1448, 66  # bytes on the line: a full frame, what it carries, an acknowledgement


class Plan:
    """A crowd: rates in Mbit/s, sizes in bytes; and how fast it could be."""

    def __init__(self, peers, size, seed_up, up, down, round_trip_ms):
        self.peers, self.size, self.seed_up, self.up, self.down = peers, size, seed_up, up, down
        self.round_trip_ms = round_trip_ms

    def bound(self, givers=None, overhead=1.0):
        """Seconds until the last has it all, if blocks were a fluid (Kumar and Ross 2006): the seed's line,
        a downloader's line, or all uplinks together. `givers`: how many of the downloaders give."""
        bits = self.size * 8 * overhead
        givers = self.peers if givers is None else givers
        return max(bits / (self.seed_up * 1e6), bits / (self.down * 1e6),
                   self.peers * bits / ((self.seed_up + givers * self.up) * 1e6))

    def bound_framed(self, givers=None):
        """With the headers of full frames: what nothing over TCP can beat."""
        return self.bound(givers, FRAME / PAYLOAD)

    def bound_acknowledged(self, givers=None):
        """And with an acknowledgement, on the uplinks, for each second frame."""
        return self.bound(givers, (FRAME + ACK / 2) / PAYLOAD)

    def links(self):
        delay = self.round_trip_ms / 4
        peers = [Link(f"peer{number}", self.up, self.down, delay) for number in range(1, self.peers + 1)]
        return [Link("tracker", 0, 0, delay), Link("seed", self.seed_up, self.down, delay), *peers]


class Content:
    """Random bytes and their torrent, made once; the folder is ours."""

    def __init__(self, folder, size, piece_length):
        os.makedirs(folder)
        self.size = size
        self.source = os.path.join(folder, "payload.bin")
        with open(self.source, "wb", buffering=0) as file:
            for _ in range(size >> 16):
                file.write(os.urandom(1 << 16))
        path = os.path.join(folder, "plain.torrent")
        subprocess.run([contestants.PYTHON, os.path.join(contestants.HERE, "lt.py"), "create", self.source,
                        path, str(piece_length), "v1"], check=True)
        self.torrent = Torrent(path)


class Curves(threading.Thread):
    """What each host has received, twice a second: bytes on its line."""

    def __init__(self, star, began):
        super().__init__(daemon=True)
        self.star, self.began = star, began
        self.samples = []  # (seconds, {host: bytes})
        self._stopping = threading.Event()
        self.start()

    def run(self):
        while not self._stopping.wait(0.5):
            hosts = self.star.counters()["hosts"]
            self.samples.append((round(measure.now() - self.began, 2),
                                 {name: host["down_bytes"] for name, host in hosts.items()}))

    def stop(self):
        self._stopping.set()
        self.join()

    def at(self, seconds, host):
        """Bytes by then, between two samples."""
        before = (0.0, 0)
        for when, hosts in self.samples:
            if when >= seconds:
                share = (seconds - before[0]) / max(when - before[0], 1e-9)
                return before[1] + share * (hosts[host] - before[1])
            before = (when, hosts[host])
        return before[1]


class Crowd:
    """kinds: the seed's, then the downloaders' in turn. rider: the kind of the first downloader, who gives
    nothing. freeze: the first downloader is stopped (SIGSTOP) when half the bound has passed."""

    def __init__(self, options, plan, content, kinds, rider=None, freeze=False):
        self.options, self.plan, self.content = options, plan, content
        self.kinds, self.rider, self.freeze = kinds, rider, freeze
        self.folder = tempfile.mkdtemp(prefix="crowd-", dir=options.work)
        os.chmod(self.folder, 0o755)
        self.star = self.threads = None
        self.places, self.members, self.kind_of = {}, {}, {}

    def run(self):
        """A dictionary of figures."""
        try:
            # Members begin side by side: who must be told by RPC would be late otherwise. Their threads stay:
            # a process is killed with the thread that started it.
            with (Star(self.options.star, self.plan.links(), queue_ms=self.options.queue) as self.star,
                  concurrent.futures.ThreadPoolExecutor(self.plan.peers) as self.threads):
                try:
                    return self.measured()
                finally:
                    for place in self.places.values():
                        place.close()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def place(self, host, kind=None):
        barter = self.options.barters.get(kind, self.options.barter)
        place = Host(os.path.join(self.folder, host), os.path.abspath(barter), self.star.address(host))
        if self.options.trace:
            place.trace = os.path.join(self.options.trace, f"{os.path.basename(self.folder)}-{host}.trace")
        self.places[host] = place
        return place

    def member(self, host, kind):
        with self.star.inside(host):
            self.kind_of[host] = kind
            self.members[host] = KINDS["barter" if kind in self.options.barters else kind](
                self.place(host, kind), host)
            return self.members[host]

    def open_tracker(self):
        with self.star.inside("tracker"):
            tracker = contestants.Opentracker(self.place("tracker"))
            tracker.serve(self.content.torrent)
            return tracker, self.content.torrent.with_trackers(
                os.path.join(self.folder, "payload.torrent"), tracker.url())

    def open_seed(self, tracker, torrent):
        seed = self.member("seed", self.kinds[0])
        data = os.path.join(self.folder, "seed", "data")
        os.makedirs(data)
        os.link(self.content.source, os.path.join(data, "payload.bin"))
        with self.star.inside("seed"):
            seed.ready(torrent, data)
        with self.star.inside("tracker"):
            until(lambda: tracker.scrape(torrent)[0] == 1, 30, "announce of the seed", seed.process)

    def join(self, host, torrent):
        with self.star.inside(host):
            self.members[host].join(torrent, self.got(host), self.is_rider(host))

    def got(self, host):
        return os.path.join(self.folder, host, "got")

    def is_rider(self, host):
        return self.rider is not None and host == "peer1"

    def finished(self, host):
        with self.star.inside(host):
            return self.members[host].finished()

    def measured(self):
        tracker, torrent = self.open_tracker()
        self.open_seed(tracker, torrent)
        names = [f"peer{number}" for number in range(1, self.plan.peers + 1)]
        for number, host in enumerate(names):
            rider = self.rider if self.is_rider(host) else None
            self.member(host, rider or self.kinds[number % len(self.kinds)])
        began = measure.now()
        curves = Curves(self.star, began)
        try:
            list(self.threads.map(lambda host: self.join(host, torrent), names))
            joined = measure.now() - began
            times = self.wait(names, began)
        finally:
            curves.stop()
        counters = self.star.counters()
        for member in self.members.values():
            member.kill()
        for host in times:
            if not measure.same_bytes(self.content.source, os.path.join(self.got(host), "payload.bin")):
                raise AssertionError(f"{host} ({self.kind_of[host]}): what arrived is not what was sent")
        return self.figures(times, counters, curves) | {"joined": joined}

    def wait(self, names, began):
        """host -> seconds. The frozen one is not waited for."""
        times, frozen = {}, None
        half = self.plan.bound_framed() / 2
        pending = list(names)
        while pending:
            for host in list(pending):
                if self.finished(host):
                    times[host] = measure.now() - began
                    pending.remove(host)
                elif self.members[host].process.poll() is not None:
                    raise Timeout(f"{host} ended early\n{self.members[host].process.tail()}")
            if self.freeze and not frozen and measure.now() - began > half:
                frozen = "peer1"
                self.members[frozen].process.send(signal.SIGSTOP)
                pending = [host for host in pending if host != frozen]
            if measure.now() - began > self.options.timeout_of(self.plan):
                raise Timeout(f"{', '.join(pending)} had not all within the time\n"
                              + self.members[pending[0]].process.tail())
            time.sleep(0.05)
        return times

    def figures(self, times, counters, curves):
        hosts = counters["hosts"]
        honest = {host: seconds for host, seconds in times.items() if not self.is_rider(host)}
        last, mean = max(honest.values()), sum(honest.values()) / len(honest)
        size = self.plan.size
        ends = max(times.values())
        sent = sum(hosts[host]["up_bytes"] for host in hosts if host != "tracker")
        room = (self.plan.seed_up + self.plan.peers * self.plan.up) * 1e6 / 8 * ends
        figures = {
            "times": times, "kinds": {host: self.kind_of[host] for host in times},
            "last": last, "mean": mean, "first": min(honest.values()),
            "seed_sent": hosts["seed"]["up_bytes"] * PAYLOAD / FRAME / size,
            "received": sum(hosts[host]["down_bytes"] for host in times) / len(times) * PAYLOAD / FRAME / size,
            "uplinks": sent / room,
            "dropped": sum(host["up_dropped_bytes"] + host["down_dropped_bytes"] for host in hosts.values()),
            "late": counters["late"] / max(counters["arrived"], 1), "latest_ms": counters["latest_ms"],
            "curves": [[when, {host: received[host] for host in times}] for when, received in curves.samples],
        }
        if self.rider:
            held = curves.at(mean, "peer1") * PAYLOAD / FRAME / size
            figures |= {"rider": times["peer1"], "rider_to_mean": times["peer1"] / mean,
                        "rider_held": min(held, 1.0),
                        "rider_sent": hosts["peer1"]["up_bytes"] * PAYLOAD / FRAME / size}
        return figures
