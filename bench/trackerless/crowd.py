"""What both tables need: torrents, a DHT of real processes, and peers that tell what they went through.

Everything is on addresses of its own of this machine; the DHT begins at a node of ours, never at a router.
"""

import datetime
import hashlib
import os
import random
import time

import contestants
import measure
from process import until
from torrents import Torrent, encode

KIB, MIB = 1 << 10, 1 << 20
STEPS = ("peer", "metadata", "piece", "done")  # seconds from the link, or the torrent, until ...


def write_torrent(folder, name, size, piece_length, chance):
    """Random bytes and their torrent, without a tracker. Returns the torrent; the data lies beside it."""
    source = os.path.join(folder, name)
    digests = []
    with open(source, "wb") as file:
        for begin in range(0, size, piece_length):
            piece = chance.randbytes(min(piece_length, size - begin))
            digests.append(hashlib.sha1(piece).digest())
            file.write(piece)
    info = {b"length": size, b"name": name.encode(), b"piece length": piece_length, b"pieces": b"".join(digests)}
    with open(source + ".torrent", "wb") as file:
        file.write(encode({b"info": info}))
    return Torrent(source + ".torrent")


def link_to(torrent, *trackers):
    return f"magnet:?xt=urn:btih:{torrent.v1}" + "".join(f"&tr={url}" for url in trackers)


def seconds_of(event):
    """Of an event of ours, in seconds since 1970."""
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


class Barter(contestants.Barter):
    """On an address of its own, as a node of the DHT that begins at `dht_node`."""

    finds = frozenset({"dht", "pex"})

    def __init__(self, place, label, dht_node):
        super().__init__(place, label)
        self.address, self.dht_node = place.address(), dht_node
        self.given = None

    def command(self, *arguments):
        self.given = time.time()
        super().command(*arguments, "--listen", self.address)

    def begin_seeding(self, torrents, folder):
        """As seed(), of many torrents; until ready() it may still be checking."""
        self.command("seed", *torrents, "--dir", folder, "--port", self.port)

    def ready(self):
        return self.event("listening")

    def fetch(self, link, folder):
        self.get(link, folder, (), seed=False)

    def steps(self):
        """STEPS of what has happened so far, in seconds from the start of the process."""
        names = ("first_peer", "metainfo", "first_piece", "complete")
        events = {step: self.event(name) for step, name in zip(STEPS, names)}
        return {step: seconds_of(event) - self.given for step, event in events.items() if event}

    def known_from(self):
        """Whence it knew those to whom it was, or is, linked."""
        return {event["source"] for event in self.events("peer")}


class Libtorrent(contestants.Libtorrent):
    finds = frozenset({"dht", "pex"})

    def __init__(self, place, label, dht_node):
        super().__init__(place, label)
        self.dht_node = dht_node

    def fetch(self, link, folder):
        self.get(link, folder, milestones=True)

    def steps(self):
        """In seconds from when its session was begun: the start of Python is not counted."""
        given = self.lines.last(self.process, "began")["time"]
        names = ("first_peer", "metadata", "first_piece", "finished")
        events = {step: self.lines.last(self.process, name) for step, name in zip(STEPS, names)}
        return {step: event["time"] - given for step, event in events.items() if event}


class Dht:
    """So many nodes, each a `barter seed` of a torrent of its own that nobody wants."""

    def __init__(self, place, count):
        folder = os.path.join(place.folder, "unwanted")
        os.makedirs(folder)
        chance = random.Random()
        nobody = (place.address(), place.port())
        self.nodes = []
        for number in range(count):
            torrent = write_torrent(folder, f"unwanted-{number}", 1000, 16 * KIB, chance)
            node = Barter(place, f"node-{number}", self.entry if self.nodes else nobody)
            node.begin_seeding([torrent.path], folder)
            self.nodes.append(node)
        self.asker = Barter(place, "asker", self.entry)
        for node in self.nodes:
            until(node.ready, 60, f"listening {node.name}", node.process)

    @property
    def entry(self):
        return self.nodes[0].endpoint()

    def find_peers(self, torrent):
        """How many another node finds: always the same one, so that no dead ones are left in the tables."""
        ask = self.asker
        ask.lines = contestants.JsonLines()
        ask.start([ask.row.barter, "dht", "find-peers", torrent.v1, "--dht-node", "{}:{}".format(*self.entry),
                   "--listen", ask.address, "--port", ask.port, "--json"])
        ask.process.wait(60)
        return len((ask.event("result") or {}).get("peers", ()))

    def wait_for(self, torrents, peers):
        """Until each of these torrents is announced by so many."""
        for torrent in torrents:
            until(lambda torrent=torrent: self.find_peers(torrent) >= peers, 120, f"{peers} announces in the DHT",
                  self.nodes[0].process)


def compare(torrent, source, folder, who):
    """What is wrong with what `who` fetched, or None."""
    got = os.path.join(folder, torrent.name)
    if not os.path.exists(got) or not measure.same_bytes(source, got):
        return f"{who}: what arrived is not what was sent"
    return None
