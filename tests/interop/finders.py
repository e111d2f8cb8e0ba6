"""Rows in which peers are found without a tracker: by peer exchange and by the DHT, both ways."""

from contestants import STOCK, Barter
from process import until
from row import KIB
from transfers import compare, ended_well, prepare

SECONDS = 200  # transmission and aria2 tell others once in 60 to 90 s
WHO = {name: STOCK[name] for name in ("libtorrent", "transmission", "aria2")}


class Placed(Barter):
    """A barter on an address of its own: transmission takes two peers on one address for the same."""

    def __init__(self, row, label, finds=(), dht_node=None):
        super().__init__(row, label)
        self.address = row.address()
        self.finds, self.dht_node = frozenset(finds), dht_node

    def command(self, *arguments):
        super().command(*arguments, "--listen", self.address)

    def knows_from(self, source):
        """Whether it is, or was, linked to somebody whom it knows from there."""
        return (any(peer["source"] == source for peer in self.progress().get("peer_limits", ()))
                or any(event["source"] == source for event in self.events("peer")))


def stock_peer(row, kind, label, finds, dht_node=None):
    peer = kind(row, label)
    peer.check_tracker()
    peer.finds, peer.dht_node = frozenset(finds), dht_node
    return peer


def pex_told(row, kind):
    """Of the seed it hears by the peer exchange of a barter that gives nothing itself."""
    tracker, torrent = prepare(row, "barter", "single", 64 * KIB, "v1")
    plain = row.library.torrent("single").with_trackers(row.path("plain.torrent"))
    get = stock_peer(row, kind, "get", {"pex"})
    seed = Placed(row, "seed")
    seed.seed(plain, row.copy("single"))
    middle = Placed(row, "middle")
    # Slow, since seeds do not stay linked to seeds.
    middle.get(torrent, row.path("middle.got"), [seed.endpoint()], "--up-limit", "0", "--down-limit", "20KiB")
    until(lambda: middle.progress().get("peers"), 30, "a link to the seed", middle.process)
    get.get(torrent, row.path("got"))
    get.wait(SECONDS)
    ended_well(get)
    compare(row, "single", torrent, row.path("got"), get)
    middle.stop()
    for peer in (seed, tracker):
        ended_well(peer)


def pex_heard(row, kind):
    """A barter that lacks all and one that has all know it alone, and hear of each other from it."""
    torrent = row.library.torrent("medium").with_trackers(row.path("plain.torrent"))
    middle = stock_peer(row, kind, "middle", {"pex"})
    middle.get(torrent, row.path("middle.got"))
    until(middle.listens, 30, f"listening {middle.name}", middle.process)
    seed = Placed(row, "seed")
    seed.get(torrent, row.copy("medium"), [middle.endpoint()], "--up-limit", "60KiB", "--explain")
    seed.wait(60)
    get = Placed(row, "get")
    get.get(torrent, row.path("got"), [middle.endpoint()], "--down-limit", "60KiB", "--explain")
    until(lambda: get.knows_from("pex") or seed.knows_from("pex"), SECONDS,
          f"peer exchange of {middle.name}", get.process)
    for peer in (get, seed, middle):
        peer.stop()


def router(row, begin=None):
    """A node of the DHT where all begin: a barter with a torrent of its own."""
    torrent = row.library.torrent("small").with_trackers(row.path("router.torrent"))
    nobody = (row.address(), row.port())
    node = Placed(row, None, {"dht"}, begin or nobody)
    node.seed(torrent, row.copy("small"))
    return node


def dht(row, seeder, leecher, others=0):
    """They know nobody but a node of the DHT, which knows so many others."""
    torrent = row.library.torrent("single").with_trackers(row.path("plain.torrent"))
    node = router(row)
    crowd = [router(row, node.endpoint()) for _ in range(others)]
    peers = []
    for kind, label in ((seeder, "seed"), (leecher, "get")):
        if kind is Barter:
            peers.append(Placed(row, label, {"dht"}, node.endpoint()))
        else:
            peers.append(stock_peer(row, kind, label, {"dht"}, node.endpoint()))
    seed, get = peers
    seed.seed(torrent, row.copy("single"))
    get.get(torrent, row.path("got"))
    get.wait(SECONDS)
    ended_well(get)
    compare(row, "single", torrent, row.path("got"), get)
    for peer in (seed, *crowd, node):
        ended_well(peer)


def rows():
    """(name, function, in --quick, heavy)"""
    for name, kind in WHO.items():
        others = 12 if name == "transmission" else 0  # it calls a DHT of fewer broken
        yield (f"barter tells {name} of a seed, peer exchange",
               lambda row, k=kind: pex_told(row, k), name == "libtorrent", False)
        yield (f"{name} tells barter of a seed, peer exchange",
               lambda row, k=kind: pex_heard(row, k), name == "libtorrent", False)
        yield (f"barter -> {name}, DHT alone",
               lambda row, k=kind, n=others: dht(row, Barter, k, n), name == "libtorrent", False)
        yield (f"{name} -> barter, DHT alone",
               lambda row, k=kind, n=others: dht(row, k, Barter, n), False, False)
    yield "barter -> barter, DHT alone", lambda row: dht(row, Barter, Barter), True, False
