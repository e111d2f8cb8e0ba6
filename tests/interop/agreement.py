"""Rows about .torrent files: barter and the makers of torrents agree on what is in each other's."""

import json
import os
import random
import re

import contents
from contestants import HERE, PYTHON, Cannot, Transmission, program
from row import KIB
from torrents import Torrent

URL = "http://tracker.example:6969/announce"


def files_for_single(row):
    """Single files of telling lengths: below, at and above a block and a piece."""
    chance = random.Random(9)
    for length in (1, 16 * KIB, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 3 * 64 * KIB, 1_234_567):
        path = row.path(f"file of {length}")
        with open(path, "wb") as file:
            file.write(chance.randbytes(length))
        yield path


def created(row, source, *flags, name="barter"):
    output = row.path(f"{name}.torrent")
    done = row.run(row.barter, "create", source, "--piece-length", str(64 * KIB), "--announce", URL,
                   "--output", output, "--force", *flags)
    assert done.returncode == 0, done.tail()
    return Torrent(output)


def by_libtorrent(row, source, variant):
    output = row.path(f"libtorrent-{variant}.torrent")
    done = row.run(PYTHON, os.path.join(HERE, "lt.py"), "create", source, output, str(64 * KIB), variant)
    assert done.returncode == 0, done.tail()
    return Torrent(output).with_trackers(output, URL)


def by_mktorrent(row, source, *flags):
    output = row.path("mktorrent.torrent")
    if os.path.exists(output):
        os.unlink(output)
    done = row.run(program("mktorrent"), "-l", "16", "-a", URL, *flags, "-o", output, source)
    assert done.returncode == 0, done.tail()
    return Torrent(output)


def by_transmission(row, source):
    output = row.path("transmission.torrent")
    if os.path.exists(output):
        os.unlink(output)
    done = row.run(program("transmission-create"), "-s", "64", "-t", URL, "-o", output, source)
    assert done.returncode == 0, done.tail()
    return Torrent(output)


def equal(what, ours, theirs):
    assert ours == theirs, f"{what}: barter says {ours!r}, the other {theirs!r}"


def shown(row, torrent):
    """What `barter show --json` tells."""
    done = row.run(row.barter, "show", "--json", torrent.path)
    assert done.returncode == 0, done.tail()
    for line in done.output().splitlines():
        fields = json.loads(line)
        if "v1_info_hash" in fields:
            return fields
    raise AssertionError(f"show --json tells no info-hash\n{done.tail()}")


def check_shown(row, torrent):
    """Holds barter's reading of a torrent against our own."""
    told = shown(row, torrent)
    equal("name", told["name"], torrent.name)
    equal("v1 info-hash", told["v1_info_hash"] or None, torrent.v1)
    equal("v2 info-hash", told["v2_info_hash"] or None, torrent.v2)
    equal("piece length", told["piece_length"], torrent.piece_length)
    equal("private", told["private"], torrent.private)
    equal("trackers", json.dumps(told["trackers"]).count(URL), 1)
    equal("total size", told["total_size"], torrent.total())
    prefix = torrent.name + "/"
    files = {entry["path"].removeprefix(prefix): entry["size"] for entry in told["files"]
             if "p" not in (entry.get("attr") or "")}
    equal("files", files, {path.removeprefix(prefix): size for path, size in torrent.files().items()})


def same_as(row, make, variants):
    """The same single file and piece length give the same info-hash."""
    for source in files_for_single(row):
        for variant in variants:
            theirs = make(row, source, variant)
            ours = created(row, source, "--" + variant)
            equal(f"v1 info-hash of {os.path.basename(source)} ({variant})", ours.v1, theirs.v1)
            equal(f"v2 info-hash of {os.path.basename(source)} ({variant})", ours.v2, theirs.v2)
            if ours.v1:
                assert ours.info[b"pieces"] == theirs.info[b"pieces"]


def same_as_libtorrent(row):
    same_as(row, by_libtorrent, ("v1", "v2", "hybrid"))


def same_as_mktorrent(row):
    same_as(row, lambda row, source, variant: by_mktorrent(row, source), ("v1",))
    source = next(files_for_single(row))
    equal("private info-hash", created(row, source, "--private").v1, by_mktorrent(row, source, "-p").v1)


def pieces_as_transmission(row):
    """It adds keys of its own to `info`: the hashes of the pieces agree, the info-hash cannot."""
    for source in files_for_single(row):
        theirs, ours = by_transmission(row, source), created(row, source)
        assert ours.info[b"pieces"] == theirs.info[b"pieces"], f"{source}: pieces differ"


def read_by_transmission_show(row, content):
    torrent = created(row, row.library.source(content), "--v1")
    done = row.run(program("transmission-show"), torrent.path)
    text = done.output()
    assert done.returncode == 0, done.tail()

    def field(name):
        found = re.search(rf"^ *{name}: (.*)$", text, re.M)
        assert found, f"no {name} in\n{text}"
        return found.group(1).strip()

    equal("name", torrent.name, field("Name"))
    equal("info-hash", torrent.v1, field("Hash"))
    equal("pieces", str(len(torrent.info[b"pieces"]) // 20), field("Piece Count"))
    equal("privacy", "Public torrent", field("Privacy"))
    assert URL in text, f"no tracker in\n{text}"
    assert not field("Created by").startswith("Transmission")
    listed = re.findall(r"^  (.+) \([\d.]+ .?B\)$", text[text.index("FILES"):], re.M)
    equal("files", sorted(Transmission.name_on_disk(None, path) for path in torrent.files()),
          sorted(listed))


def read_by_libtorrent(row, content, variant):
    torrent = created(row, row.library.source(content), "--" + variant)
    done = row.run(PYTHON, os.path.join(HERE, "lt.py"), "show", torrent.path)
    assert done.returncode == 0, done.tail()
    told = json.loads(done.output())
    equal("name", torrent.name, told["name"])
    equal("v1 info-hash", torrent.v1, told["v1_info_hash"])
    equal("v2 info-hash", torrent.v2, told["v2_info_hash"])
    equal("piece length", torrent.piece_length, told["piece_length"])
    equal("trackers", [URL], told["trackers"])
    expected = contents.listing(row.library.source(content))
    files = {path.removeprefix(torrent.name).lstrip("/"): size for path, size in told["files"].items()}
    equal("files", {path: value[0] for path, value in expected.items()}, files)


def reads(row, make, content):
    """barter shows another's torrent as it is, and finds the data whole by it."""
    source = row.library.source(content)
    torrent = make(row, source)
    if torrent.v1:  # our own parser reads the v1 side
        check_shown(row, torrent)
    else:
        equal("v2 info-hash", shown(row, torrent)["v2_info_hash"], torrent.v2)
    folder = row.copy(content)
    verify = ("verify", torrent.path, "--dir", folder)
    done = row.run(row.barter, *verify)
    assert done.returncode == 0, f"verify of whole data\n{done.tail()}"
    path = os.path.join(folder, torrent.name)
    victim = path if os.path.isfile(path) else os.path.join(path, "big.bin")
    with open(victim, "r+b") as file:
        file.seek(100_000)
        byte = file.read(1)
        file.seek(100_000)
        file.write(bytes([byte[0] ^ 1]))
    done = row.run(row.barter, *verify)
    text = done.output() + done.errors()
    assert done.returncode == 1, f"verify of spoiled data: exit {done.returncode}\n{done.tail()}"
    assert os.path.basename(victim) in text, f"verify does not name {victim}\n{done.tail()}"


def sample(row):
    """The sample that is checked in is what its torrent says, and what create makes of it today."""
    samples = os.path.join(HERE, "..", "..", "samples")
    kept = Torrent(os.path.join(samples, "sample.torrent"))
    output = row.path("again.torrent")
    done = row.run(row.barter, "create", os.path.join(samples, "sample"), "--announce",
                   kept.table[b"announce"].decode(), "--output", output)
    assert done.returncode == 0, done.tail()
    equal("info-hash of the sample", Torrent(output).v1, kept.v1)
    done = row.run(row.barter, "verify", kept.path, "--dir", samples)
    assert done.returncode == 0, done.tail()


def rows():
    yield "samples/sample.torrent is what create makes", sample, True, False
    yield "create = libtorrent, single files, v1 v2 hybrid", same_as_libtorrent, True, False
    yield "create = mktorrent, single files", same_as_mktorrent, True, False
    yield "create ~ transmission-create, single files", pieces_as_transmission, False, False
    for content in ("single", "tree", "many"):
        yield (f"transmission-show reads create, {content}",
               lambda row, c=content: read_by_transmission_show(row, c), False, False)
        for variant in ("v1", "v2", "hybrid"):
            yield (f"libtorrent reads create --{variant}, {content}",
                   lambda row, c=content, v=variant: read_by_libtorrent(row, c, v), False, False)
    makers = {"mktorrent": by_mktorrent, "transmission-create": by_transmission,
              **{f"libtorrent {variant}": lambda row, source, v=variant: by_libtorrent(row, source, v)
                 for variant in ("v1", "v2", "hybrid")}}
    for maker, make in makers.items():
        for content in ("single", "tree"):
            yield (f"show and verify by {maker}, {content}",
                   lambda row, m=make, c=content: reads(row, m, c), False, False)
    yield ("transmission-show and hybrids", transmission_cannot, False, False)


def transmission_cannot(row):
    """Why --v1 is the default."""
    torrent = created(row, row.library.source("single"), "--hybrid")
    done = row.run(program("transmission-show"), torrent.path)
    if done.returncode != 0:
        raise Cannot("transmission 3.00 takes no torrent with a v2 side")
