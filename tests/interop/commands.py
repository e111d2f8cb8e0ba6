"""Rows about what barter promises beyond a plain transfer: resume, share, magnets, care for files."""

import os
import re
import shutil
import subprocess

import contents
import network
from contestants import (Aria2, Barter, Libtorrent, Rtorrent, Skip, Transmission, fetch,
                         magnet_in)
from process import Process, until
from row import KIB, MIB
from transfers import SECONDS, compare, ended_well, prepare
from torrents import Torrent

# What may be on the way, or received but in no complete piece, when a download is killed: the seeder
# counts it as sent. A download that began anew would exceed it several times.
LOST = 4 * MIB


def resume(row, seeder, how):
    """A download is killed half way and started again: the seeder sends hardly more than the content."""
    torrent = row.library.torrent("medium", 64 * KIB).with_trackers(row.path("plain.torrent"))
    seed = seeder(row, "seed")
    seed.seed(torrent, row.copy("medium"), **({"up_limit": 8 * MIB} if seeder is Libtorrent else {}))
    limit = () if seeder is Libtorrent else ("--down-limit", "8MiB")
    get = Barter(row, "get")
    got = row.path("got")
    total = torrent.total()
    get.get(torrent, got, [seed.endpoint()], *limit)
    until(lambda: seed.sent() > total * 0.45, SECONDS, "half of the content", get.process)
    if how == "kill":
        get.kill()
    else:
        code = get.stop()
        assert code == 143, f"interrupted before done: exit {code}\n{get.process.tail()}"
    sent = seed.sent()
    assert total * 0.4 < sent < total * 0.9, f"stopped at {sent} of {total}: not half way"
    get.get(torrent, got, [seed.endpoint()], *limit)
    get.wait(SECONDS)
    ended_well(get)
    compare(row, "medium", torrent, got, get)
    # The counters of some clients lag.
    until(lambda: seed.sent() >= total, 10, "count of the seeder", seed.process)
    assert seed.sent() <= total + LOST, (
        f"{seed.sent() - total} bytes were sent twice; {sent} of {total} had been before the restart")
    ended_well(seed)


def seed_killed(row):
    """The seeder is killed and comes back; the download goes on to the end."""
    tracker, torrent = prepare(row, "barter", "medium", 64 * KIB, "v1")
    seed = Barter(row, "seed")
    data = row.copy("medium")
    seed.seed(torrent, data, "--up-limit", "8MiB")
    get = Libtorrent(row, "get")
    got = row.path("got")
    get.get(torrent, got)
    until(lambda: get.received() > torrent.total() * 0.3, SECONDS, "a third of the content", get.process)
    seed.kill()
    seed.seed(torrent, data)
    get.wait(SECONDS)
    ended_well(get)
    compare(row, "medium", torrent, got, get)
    ended_well(seed)
    ended_well(tracker)


def unrelated_file(row):
    """A file of the same name that is something else survives; --force overwrites it."""
    tracker, torrent = prepare(row, "barter", "single", 64 * KIB, "v1")
    seed = Barter(row, "seed")
    seed.seed(torrent, row.copy("single"))
    got = row.path("got")
    os.makedirs(got)
    mine = os.path.join(got, torrent.name)
    with open(mine, "wb") as file:
        file.write(b"my own notes\n" * 10_000)
    before = contents.listing(got)
    get = Barter(row, "get")
    get.get(torrent, got, [seed.endpoint()], seed=False)
    code = get.process.wait(30)
    assert code == 1, f"get over an unrelated file: exit {code}\n{get.process.tail()}"
    assert contents.listing(got) == before, "the unrelated file was touched"
    told = get.process.output() + get.process.errors()
    assert torrent.name in told and "--force" in told, f"no word about it\n{get.process.tail()}"
    get.get(torrent, got, [seed.endpoint()], "--force", seed=False)
    assert get.process.wait(SECONDS) == 0, get.process.tail()
    compare(row, "single", torrent, got, get)
    ended_well(seed)
    ended_well(tracker)


class Share:
    """`barter share` as a person sees it: what it prints is what the other side types."""

    def __init__(self, row, *paths, flags=(), prefix=(), environment=None):
        folder = row.path("share")
        os.makedirs(folder)
        home = {"HOME": folder, "XDG_STATE_HOME": folder, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
        self.process = Process("share", [*prefix, row.barter, "share", *paths, *flags], folder,
                               env=home | (environment or {}))
        row.at_end(self.process.kill)
        until(lambda: self.urls() and self.magnet(), 30, "URL and magnet of share", self.process)

    def text(self):
        return self.process.output()

    def urls(self):
        return re.findall(r"barter get (http://\S+)", self.text())

    def magnet(self):
        return magnet_in(self.text())

    def stop(self):
        code = self.process.stop()
        assert code == 0, f"share stopped with {code}\n{self.process.tail()}"


def share_here(row, *paths, flags=()):
    """A share that names an address of ours: inside a namespace with only `lo` it finds none itself."""
    port = row.port()
    address = f"{row.addresses.here()}:{port}"
    return Share(row, *paths, flags=("--address", address, "--port", port, *flags))


def get_of_share(row):
    """The printed line works, and `--copies 1` ends the share after one copy."""
    source = row.library.source("tree")
    share = share_here(row, source, flags=("--copies", "1"))
    got = row.path("got")
    os.makedirs(got)
    get = Barter(row, "get")
    get.get(share.urls()[0], got, seed=False)
    assert get.process.wait(SECONDS) == 0, get.process.tail()
    contents.compare(source, os.path.join(got, os.path.basename(source)))
    assert share.process.wait(30) == 0, f"after its one copy\n{share.process.tail()}"


def served_torrent(row, leecher):
    """A stock client downloads by the .torrent that share serves."""
    source = row.library.source("tree")
    share = share_here(row, source)
    path = row.path("served.torrent")
    with open(path, "wb") as file:
        file.write(fetch(share.urls()[0]))
    torrent = Torrent(path)
    assert torrent.private, "share without --public: the torrent is private"
    get = leecher(row, "get-" + leecher.kind)
    get.check_tracker()
    got = row.path("got")
    get.get(torrent, got)
    get.wait(SECONDS)
    ended_well(get)
    contents.compare(source, os.path.join(got, torrent.name), name=get.name_on_disk,
                     empty_files=get.creates_empty_files)
    share.stop()


def magnet_of_share(row, leecher):
    """A stock client downloads by the magnet link that share prints."""
    source = row.library.source("tree")
    share = share_here(row, source, flags=("--public", "--no-dht", "--no-lsd"))
    get = leecher(row, "get-" + leecher.kind)
    get.check_tracker()
    got = row.path("got")
    get.get(share.magnet(), got)
    get.wait(SECONDS)
    ended_well(get)
    contents.compare(source, os.path.join(got, os.path.basename(source)), name=get.name_on_disk,
                     empty_files=get.creates_empty_files)
    share.stop()


class Host:
    """A network namespace joined to another by a cable: needs the rights to make one."""

    def __init__(self, row, address):
        if not os.path.exists("/proc/self/ns/net"):
            raise Skip("needs /proc to tell network namespaces apart")
        self.holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", "unshare", "--net",
                                        "sleep", "600"], stderr=subprocess.DEVNULL)
        row.at_end(self.close)
        self.address = address
        ours = os.readlink("/proc/self/ns/net")
        until(lambda: self.holder.poll() is not None or self.namespace() != ours, 10, "a namespace")
        if self.holder.poll() is not None:
            raise Skip("this machine allows no network namespaces")
        self.inside = ["nsenter", "--net", "--target", str(self.holder.pid), "--"]
        self.ip("link", "set", "lo", "up")

    def namespace(self):
        try:
            return os.readlink(f"/proc/{self.holder.pid}/ns/net")
        except OSError:
            return os.readlink("/proc/self/ns/net")

    def ip(self, *arguments):
        subprocess.run([*self.inside, "ip", *arguments], check=True, stderr=subprocess.PIPE)

    def plug(self, device):
        self.ip("address", "add", self.address + "/24", "dev", device)
        self.ip("link", "set", device, "up")
        self.ip("route", "add", "default", "dev", device)

    def close(self):
        self.holder.kill()
        self.holder.wait()


def cable(one, other):
    done = subprocess.run([*one.inside, "ip", "link", "add", "cable0", "type", "veth", "peer", "name",
                           "cable0", "netns", str(other.holder.pid)], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Skip(f"no virtual cable here: {done.stderr.decode().strip()}")
    one.plug("cable0")
    other.plug("cable0")


def two_hosts(row):
    """A share on one host, the line it prints typed on another; nothing given by hand."""
    if not network.is_private():
        raise Skip("needs network namespaces, which are not allowed here")
    here, there = Host(row, "192.168.77.1"), Host(row, "192.168.77.2")
    cable(here, there)
    source = row.library.source("tree")
    share = Share(row, source, prefix=here.inside)
    urls = share.urls()
    assert urls and urls[0].startswith("http://192.168.77.1:6969/"), f"printed {urls}"
    assert not any("127.0.0.1" in url for url in urls), f"printed {urls}"
    got = row.path("got")
    os.makedirs(got)
    environment = {"HOME": row.folder, "XDG_STATE_HOME": row.path("state")}
    done = row.run(*there.inside, row.barter, "get", urls[0], "--dir", got, seconds=SECONDS,
                   env=environment)
    assert done.returncode == 0, done.tail()
    contents.compare(source, os.path.join(got, os.path.basename(source)))
    share.stop()


def on_complete(row):
    """--on-complete gets the path of the data, with its spaces, and no shell looks at it."""
    tracker, torrent = prepare(row, "barter", "tree", 64 * KIB, "v1")
    seed = Barter(row, "seed")
    seed.seed(torrent, row.copy("tree"))
    script = row.path("hook")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nprintf "%s|%s" "$#" "$1" >"{row.path("told")}"\nexit "$(cat {row.path("code")})"\n')
    os.chmod(script, 0o755)
    for code, expected in ((0, 0), (3, 1)):
        with open(row.path("code"), "w", encoding="utf-8") as file:
            file.write(str(code))
        got = row.path(f"got-{code}")
        get = Barter(row, f"get-{code}")
        get.get(torrent, got, [seed.endpoint()], "--on-complete", script, seed=False)
        ended = get.process.wait(SECONDS)
        assert ended == expected, f"program's exit {code}: exit {ended}\n{get.process.tail()}"
        with open(row.path("told"), encoding="utf-8") as file:
            told = file.read()
        assert told == f"1|{os.path.join(got, torrent.name)}", f"the program was told {told!r}"
    ended_well(seed)
    ended_well(tracker)


def stats_of_tracker(row):
    """The tracker knows who is there, and forgets who leaves."""
    tracker, torrent = prepare(row, "barter", "single", 64 * KIB, "v1")
    seeds = [Libtorrent(row), Rtorrent(row), Aria2(row), Transmission(row), Barter(row)]
    for seed in seeds:
        data = row.path("data", seed.name)
        os.makedirs(data)
        shutil.copy(row.library.source("single"), data)
        seed.seed(torrent, data)

    def complete():
        return tracker.scrape(torrent)[0]

    until(lambda: complete() == len(seeds), 30, f"{len(seeds)} seeds at the tracker", tracker.process)
    for left, seed in zip(range(len(seeds) - 1, -1, -1), seeds):
        seed.stop_seconds = 20
        stays = seed.leave()
        if not stays:
            ended_well(seed)
        until(lambda left=left: complete() == left, 15,
              f"word of {seed.kind} that it goes ({left} should be left)", tracker.process)
        if stays:
            ended_well(seed)
    ended_well(tracker)


def rows():
    yield "get: kill -9 half way, resume, from libtorrent", lambda row: resume(row, Libtorrent, "kill"), True, False
    yield "get: kill -9 half way, resume, from rtorrent", lambda row: resume(row, Rtorrent, "kill"), False, False
    yield "get: stopped half way, resume, from libtorrent", lambda row: resume(row, Libtorrent, "stop"), False, False
    yield "seed: kill -9 half way, libtorrent goes on", seed_killed, False, False
    yield "get: an unrelated file of the same name survives", unrelated_file, True, False
    yield "get: --on-complete", on_complete, False, False
    yield "tracker: counts all clients, forgets who leaves", stats_of_tracker, False, False
    yield "share -> barter by the line it prints", get_of_share, True, False
    for leecher in (Libtorrent, Transmission, Aria2, Rtorrent):
        yield (f"share -> {leecher.kind} by the .torrent it serves",
               lambda row, g=leecher: served_torrent(row, g), False, False)
    for leecher in (Libtorrent, Transmission, Aria2, Barter):
        yield (f"share -> {leecher.kind} by the magnet it prints",
               lambda row, g=leecher: magnet_of_share(row, g), False, False)
    yield "share -> barter on another host (two namespaces)", two_hosts, False, False
