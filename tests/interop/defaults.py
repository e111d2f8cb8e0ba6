"""Rows in which the other client is as it is installed: uTP and encryption as its makers left them. They say
how long the first bytes take, which is what a person waits for. DHT and the rest stay off, so that nobody is met
by another way than the row says."""

import time

from contestants import STOCK, Barter
from newer import NEWER_CLIENTS
from process import until
from row import KIB
from transfers import SECONDS, compare, data_for, ended_well, prepare

CONTENT = "medium"


def first_bytes(peer, began):
    """Seconds until it has anything."""
    until(lambda: (peer.received() or 0) > 0 or peer.finished(), SECONDS, f"first bytes of {peer.name}",
          peer.process)
    return time.monotonic() - began


def meet(row, seeder, leecher, seconds):
    """One seeds, the other comes and knows the tracker; the first bytes come within `seconds`."""
    base = row.library.torrent(CONTENT, 64 * KIB, "v1")
    seed, get = seeder(row, "seed-" + seeder.kind), leecher(row, "get-" + leecher.kind)
    for peer in (seed, get):
        peer.as_installed = True
        peer.check(base)
        peer.check_tracker()
    tracker, torrent = prepare(row, "barter", CONTENT, 64 * KIB, "v1")
    seed.seed(torrent, data_for(row, CONTENT, torrent, seed))
    got = row.path("got")
    began = time.monotonic()
    get.get(torrent, got)
    took = first_bytes(get, began)
    get.wait(SECONDS)
    ended_well(get)
    compare(row, CONTENT, torrent, got, get)
    ended_well(seed)
    ended_well(tracker)
    assert took <= seconds, f"the first bytes came after {took:.1f} s, not within {seconds} s"
    return f"first bytes after {took:.2f} s"


# What they need by themselves: Transmission calls and announces every ten seconds, aria2 every few; qBittorrent takes
# seconds to start, and tells what it has every one and a half.
PATIENCE = {"transmission": 20, "aria2": 8, "qbittorrent": 8}


def rows():
    """(name, function, quick, heavy)"""
    for kind, contestant in {**STOCK, **NEWER_CLIENTS}.items():
        seconds = PATIENCE.get(kind, 3)
        yield (f"as installed: {kind} <- barter",
               lambda row, peer=contestant, most=seconds: meet(row, Barter, peer, most), False, False)
        yield (f"as installed: barter <- {kind}",
               lambda row, peer=contestant, most=seconds: meet(row, peer, Barter, most), False, False)
