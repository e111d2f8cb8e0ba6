"""Enough bencode for the harness: read a .torrent, its hashes, and change its trackers.

Written apart from barter on purpose: a test that used barter's parser would agree with its mistakes.
"""

import hashlib


def decode(data, at=0):
    """(value, end). Dictionaries keep their order; strings are bytes."""
    first = data[at:at + 1]
    if first == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if first == b"l":
        at += 1
        items = []
        while data[at:at + 1] != b"e":
            value, at = decode(data, at)
            items.append(value)
        return items, at + 1
    if first == b"d":
        at += 1
        table = {}
        while data[at:at + 1] != b"e":
            key, at = decode(data, at)
            table[key], at = decode(data, at)
        return table, at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end], end


def encode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, str):
        return encode(value.encode())
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"


class Torrent:
    """A .torrent file as the harness sees it."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            data = file.read()
        self.table, end = decode(data)
        assert end == len(data), f"{path}: bytes after the end"
        info = self.table[b"info"]
        raw = encode(info)
        assert raw in data, f"{path}: info is not canonical"
        self.info = info
        self.name = info[b"name"].decode()
        self.v1 = hashlib.sha1(raw).hexdigest() if b"pieces" in info else None
        self.v2 = hashlib.sha256(raw).hexdigest() if info.get(b"meta version") == 2 else None
        self.piece_length = info[b"piece length"]
        self.private = info.get(b"private", 0) == 1

    @property
    def hybrid(self):
        return self.v1 is not None and self.v2 is not None

    def hash20(self):
        """What trackers and handshakes carry."""
        return self.v1 or self.v2[:40]

    def files(self):
        """Path -> length of the v1 side; pads left out."""
        if b"length" in self.info:
            return {self.name: self.info[b"length"]}
        return {"/".join([self.name, *(part.decode() for part in entry[b"path"])]): entry[b"length"]
                for entry in self.info[b"files"] if b"p" not in entry.get(b"attr", b"")}

    def pads(self):
        """Path and length of each pad file, in order; below the name of the torrent."""
        return [("/".join(part.decode() for part in entry[b"path"]), entry[b"length"])
                for entry in self.info.get(b"files", []) if b"p" in entry.get(b"attr", b"")]

    def announces_by_udp(self):
        tiers = [[self.table.get(b"announce", b"")], *self.table.get(b"announce-list", [])]
        return any(url.startswith(b"udp:") for tier in tiers for url in tier)

    def total(self):
        return sum(self.files().values())

    def with_trackers(self, path, *urls):
        """A copy that announces to these, each in a tier of its own; none at all if there are none."""
        table = {key: value for key, value in self.table.items()
                 if key not in (b"announce", b"announce-list", b"nodes", b"url-list")}
        if urls:
            table[b"announce"] = urls[0].encode()
        if len(urls) > 1:
            table[b"announce-list"] = [[url.encode()] for url in urls]
        with open(path, "wb") as file:
            file.write(encode(table))
        return Torrent(path)
