"""Rows that move content: barter with every stock client, both ways, and stock clients by our tracker."""

import os
import shutil

import contents
import network
from contestants import (STOCK, Barter, BarterTracker, BarterTracker6, BarterTracker6Udp, BarterTrackerUdp,
                         Libtorrent, Libtorrent6, Opentracker, OpentrackerUdp, TransmissionCli)
from row import KIB, MIB, Skip

SECONDS = 90  # far beyond what any row takes; transmission ramps up slowly
TRACKERS = {"barter": BarterTracker, "opentracker": Opentracker}
IPV6, IPV6_UDP = "barter, IPv6", "barter, IPv6 by UDP"
SPECIAL_TRACKERS = {IPV6: BarterTracker6, IPV6_UDP: BarterTracker6Udp, "barter by UDP": BarterTrackerUdp,
                    "opentracker by UDP": OpentrackerUdp}


def is_pad(path):
    return path.startswith(".pad/") or "/.pad/" in path


def compare(row, content, torrent, folder, peer):
    source = row.library.source(content)
    contents.compare(source, os.path.join(folder, torrent.name), is_pad, peer.name_on_disk,
                     peer.creates_empty_files)


def data_for(row, content, torrent, peer):
    """The content under the names that the peer looks for."""
    folder = row.copy(content)
    contents.rename(os.path.join(folder, torrent.name), peer.name_on_disk)
    if not peer.knows_pads:
        for path, length in torrent.pads():
            contents.zeros(os.path.join(folder, torrent.name, path), length)
    return folder


def ended_well(peer):
    """Stops it and, if it is ours, looks at how it went."""
    code = peer.stop()
    if isinstance(peer, (Barter, BarterTracker)):
        assert code == 0, f"{peer.name} stopped with {code}\n{peer.process.tail()}"


def prepare(row, tracker, content, piece_length, variant):
    """(tracker or None, torrent that announces to it)"""
    torrent = row.library.torrent(content, piece_length, variant)
    if tracker is None:
        return None, torrent.with_trackers(row.path("plain.torrent"))
    serving = {**TRACKERS, **SPECIAL_TRACKERS}[tracker](row)
    serving.serve(torrent)
    return serving, torrent.with_trackers(row.path(content + ".torrent"), serving.url())


def transfer(row, seeder, leecher, tracker="barter", content="tree", piece_length=64 * KIB,
             variant="v1", by_peer=False):
    """One seeds, the other downloads; they meet by a tracker, or the leecher is told where to go."""
    base = row.library.torrent(content, piece_length, variant)
    seed, get = seeder(row, "seed-" + seeder.kind), leecher(row, "get-" + leecher.kind)
    for peer in (seed, get):
        peer.check(base)
        if not by_peer:
            peer.check_tracker()
    serving, torrent = prepare(row, None if by_peer else tracker, content, piece_length, variant)
    seed.seed(torrent, data_for(row, content, torrent, seed))
    got = row.path("got")
    get.get(torrent, got, [seed.endpoint()] if by_peer else [])
    get.wait(SECONDS)
    ended_well(get)
    compare(row, content, torrent, got, get)
    ended_well(seed)
    if serving is not None:
        serving.check_traffic()
        ended_well(serving)


def by_magnet(row, seeder, leecher, variant="v1", content="tree"):
    """The leecher knows no more than the link that `barter magnet` prints: the tracker, and the hash."""
    base = row.library.torrent(content, variant=variant)
    seed, get = seeder(row, "seed-" + seeder.kind), leecher(row, "get-" + leecher.kind)
    for peer in (seed, get):
        peer.check(base)
        peer.check_tracker()
    serving, torrent = prepare(row, "barter", content, 64 * KIB, variant)
    seed.seed(torrent, data_for(row, content, torrent, seed))
    printed = row.run(row.barter, "magnet", torrent.path)
    assert printed.returncode == 0, printed.tail()
    got = row.path("got")
    get.get(printed.output().strip(), got)
    get.wait(SECONDS)
    ended_well(get)
    compare(row, content, torrent, got, get)
    ended_well(seed)
    ended_well(serving)


def crowd(row):
    """One barter seeds; two barters and all four stock clients download at the same time."""
    tracker, torrent = prepare(row, "barter", "single", 64 * KIB, "v1")
    seed = Barter(row, "seed")
    seed.seed(torrent, row.copy("single"), "--up-limit", "4MiB")
    stock = [contestant for name, contestant in STOCK.items()
             if name != "transmission" or network.is_private()]  # it ignores loopback addresses
    leechers = [contestant(row) for contestant in stock] + [Barter(row), Barter(row)]
    for leecher in leechers:
        leecher.get(torrent, row.path(leecher.name + ".got"))
    for leecher in leechers:
        leecher.wait(SECONDS)
    for leecher in leechers:
        ended_well(leecher)
        compare(row, "single", torrent, row.path(leecher.name + ".got"), leecher)
    ended_well(seed)
    ended_well(tracker)


def room_for(row, gib):
    free = shutil.disk_usage(row.folder).free / 2**30
    if free < gib:
        raise Skip(f"needs {gib} GiB of disk, {free:.1f} are free")


def sparse(row, seeder, leecher, tracker="barter"):
    room_for(row, 8)
    transfer(row, seeder, leecher, tracker, "sparse", 16 * MIB)


def rows():
    """(name, function, in --quick, heavy)"""
    for name, stock in STOCK.items():
        for tracker in TRACKERS:
            quick = tracker == "barter"
            yield (f"barter -> {name}, tracker {tracker}",
                   lambda row, s=stock, t=tracker: transfer(row, Barter, s, t), quick, False)
            yield (f"{name} -> barter, tracker {tracker}",
                   lambda row, s=stock, t=tracker: transfer(row, s, Barter, t), quick, False)
        yield (f"{name} -> barter, --peer",
               lambda row, s=stock: transfer(row, s, Barter, by_peer=True), False, False)
        yield (f"barter -> {name}, hybrid",
               lambda row, s=stock: transfer(row, Barter, s, variant="hybrid"), False, False)
        yield (f"{name} -> barter, hybrid",
               lambda row, s=stock: transfer(row, s, Barter, variant="hybrid"), False, False)
    for name, stock in STOCK.items():
        quick = name != "transmission"  # which takes its time
        yield (f"{name} -> barter, magnet",
               lambda row, s=stock: by_magnet(row, s, Barter), quick, False)
        if stock.magnets:
            yield (f"barter -> {name}, magnet",
                   lambda row, s=stock: by_magnet(row, Barter, s), quick, False)
    yield ("barter -> barter, magnet", lambda row: by_magnet(row, Barter, Barter), False, False)
    yield ("libtorrent -> barter, magnet of a hybrid",
           lambda row: by_magnet(row, Libtorrent, Barter, "hybrid"), False, False)
    # Several hundred KiB of metadata.
    yield ("libtorrent -> barter, magnet of 10,000 small files",
           lambda row: by_magnet(row, Libtorrent, Barter, content="many"), False, False)
    yield ("barter -> libtorrent, magnet of 10,000 small files",
           lambda row: by_magnet(row, Barter, Libtorrent, content="many"), False, False)
    yield ("barter -> libtorrent, connecting by itself",
           lambda row: transfer(row, Barter, Libtorrent, by_peer=True), False, False)
    yield ("barter -> transmission-cli, tracker barter",
           lambda row: transfer(row, Barter, TransmissionCli, content="single"), False, False)
    yield ("barter -> barter, tracker barter",
           lambda row: transfer(row, Barter, Barter), True, False)
    yield ("barter -> libtorrent, IPv6 alone",
           lambda row: transfer(row, Barter, Libtorrent6, IPV6), False, False)
    yield ("libtorrent -> barter, IPv6 alone",
           lambda row: transfer(row, Libtorrent6, Barter, IPV6), False, False)
    yield ("libtorrent -> libtorrent, IPv6 alone, tracker barter",
           lambda row: transfer(row, Libtorrent6, Libtorrent6, IPV6), False, False)
    yield ("barter -> barter, tracker opentracker",
           lambda row: transfer(row, Barter, Barter, "opentracker"), False, False)
    yield ("barter -> everybody at once", crowd, False, False)
    yield from stock_rows("barter")
    yield from udp_rows()
    yield from content_rows()


def udp_rows():
    """UDP trackers: ours under every stock client, opentracker's under us."""
    for tracker in ("barter by UDP", "opentracker by UDP"):
        yield (f"barter -> barter, tracker {tracker}",
               lambda row, t=tracker: transfer(row, Barter, Barter, t), False, False)
    for name, stock in STOCK.items():
        yield (f"barter -> {name}, tracker barter by UDP",
               lambda row, s=stock: transfer(row, Barter, s, "barter by UDP"), False, False)
        yield (f"{name} -> barter, tracker opentracker by UDP",
               lambda row, s=stock: transfer(row, s, Barter, "opentracker by UDP"), False, False)
    yield from stock_rows("barter by UDP")
    yield ("barter -> libtorrent, IPv6 alone, by UDP",
           lambda row: transfer(row, Barter, Libtorrent6, IPV6_UDP), False, False)


def stock_rows(tracker):
    """Each stock client once on either side."""
    names = list(STOCK)
    for seeder, leecher in zip(names, names[1:] + names[:1]):
        yield (f"{seeder} -> {leecher}, tracker {tracker}",
               lambda row, s=seeder, g=leecher: transfer(row, STOCK[s], STOCK[g], tracker),
               False, False)


def content_rows():
    aria2, rtorrent, transmission = STOCK["aria2"], STOCK["rtorrent"], STOCK["transmission"]
    yield ("barter -> libtorrent, 10,000 small files",
           lambda row: transfer(row, Barter, Libtorrent, content="many"), False, False)
    yield ("rtorrent -> barter, 10,000 small files",
           lambda row: transfer(row, rtorrent, Barter, content="many"), False, False)
    for length in (16 * KIB, 1 * MIB, 16 * MIB, 64 * MIB):
        content = "small" if length == 16 * KIB else "single" if length == MIB else "large"
        shown = f"{length // KIB} KiB" if length < MIB else f"{length // MIB} MiB"
        yield (f"barter -> aria2, pieces of {shown}",
               lambda row, n=length, c=content: transfer(row, Barter, aria2, content=c, piece_length=n),
               False, length >= 16 * MIB)
        yield (f"libtorrent -> barter, pieces of {shown}",
               lambda row, n=length, c=content: transfer(row, Libtorrent, Barter, content=c,
                                                         piece_length=n), False, length >= 16 * MIB)
    yield ("transmission -> barter, pieces of 16 KiB",
           lambda row: transfer(row, transmission, Barter, content="single", piece_length=16 * KIB),
           False, False)
    yield ("barter -> libtorrent, a sparse file of 5 GiB",
           lambda row: sparse(row, Barter, Libtorrent), False, True)
    yield ("rtorrent -> barter, a sparse file of 5 GiB",
           lambda row: sparse(row, rtorrent, Barter), False, True)


def harness_rows():
    """The same without barter: does the harness itself work on this machine?"""
    yield from stock_rows("opentracker")
    for name, stock in STOCK.items():
        if name != "libtorrent":
            yield (f"libtorrent -> {name}, hybrid",
                   lambda row, s=stock: transfer(row, Libtorrent, s, "opentracker", variant="hybrid"),
                   False, False)
        yield (f"{name} -> libtorrent, no tracker",
               lambda row, s=stock: transfer(row, s, Libtorrent, by_peer=True), False, False)
    yield ("libtorrent -> transmission-cli",
           lambda row: transfer(row, Libtorrent, TransmissionCli, "opentracker", "single"), False, False)
    for name in ("aria2", "rtorrent"):
        yield (f"libtorrent -> {name}, 10,000 small files",
               lambda row, s=STOCK[name]: transfer(row, Libtorrent, s, "opentracker", "many"),
               False, False)
        yield (f"libtorrent -> {name}, pieces of 64 MiB",
               lambda row, s=STOCK[name]: transfer(row, Libtorrent, s, "opentracker", "large", 64 * MIB),
               False, True)
    yield ("rtorrent -> libtorrent, a sparse file of 5 GiB",
           lambda row: sparse(row, STOCK["rtorrent"], Libtorrent, "opentracker"), False, True)
