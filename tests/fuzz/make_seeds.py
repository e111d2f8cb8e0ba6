#!/usr/bin/env python3
"""Writes the inputs from which the fuzzers start, into corpus/. Same output every time."""

import hashlib
import os
import random

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
BLOCK = 16384


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    pairs = {(k.encode() if isinstance(k, str) else k): v for k, v in value.items()}
    return b"d" + b"".join(bencode(k) + bencode(pairs[k]) for k in sorted(pairs)) + b"e"


def root_of(nodes, pad):
    width = 1
    while width < len(nodes):
        width *= 2
    nodes = nodes + [pad] * (width - len(nodes))
    while len(nodes) > 1:
        nodes = [hashlib.sha256(nodes[i] + nodes[i + 1]).digest() for i in range(0, len(nodes), 2)]
    return nodes[0]


def tree_of(size, piece_length):
    """(pieces root, piece layer) of a file of `size` bytes 'b' (BEP 52)."""
    leaves = [hashlib.sha256(b"b" * min(BLOCK, size - at)).digest() for at in range(0, size, BLOCK)]
    zero = bytes(32)
    per_piece = piece_length // BLOCK
    if size <= piece_length:
        return root_of(leaves, zero), b""
    layer = []
    for at in range(0, len(leaves), per_piece):
        layer.append(root_of((leaves[at:at + per_piece] + [zero] * per_piece)[:per_piece], zero))
    return root_of(layer, root_of([zero] * per_piece, zero)), b"".join(layer)


def leaf(size, piece_length, layers, **more):
    entry = dict(more, length=size)
    if size:
        entry["pieces root"], layer = tree_of(size, piece_length)
        if layer:
            layers[entry["pieces root"]] = layer
    return {"": entry}


def torrents():
    single = {"length": 425, "name": "one.txt", "piece length": BLOCK, "pieces": b"h" * 20}
    yield "v1_single", {"announce": "http://t.example/announce", "comment": "c", "created by": "x",
                        "creation date": 1234567, "info": single}
    files = [
        {"length": 5, "path": ["a", "b.txt"]},
        {"length": 7, "path": ["a", "b.txt"], "attr": "x"},
        {"length": 0, "path": ["empty"]},
        {"length": 16372, "attr": "p", "path": [".pad", "16372"]},
        {"length": 0, "attr": "l", "path": ["link"], "symlink path": ["a", "b.txt"]},
        {"length": 9, "path": ["..", "/", "c\\d", "aux.c"], "path.utf-8": ["\u65e5\u672c", "x"]},
    ]
    yield "v1_multi", {
        "announce-list": [["http://a/", "udp://b:80"], ["http://c/0123456789abcdef/announce"]],
        "url-list": ["http://w/", "http://w"], "nodes": [["127.0.0.1", 6881], ["::1", 1]],
        "collections": ["x", "y"],
        "info": {"files": files, "name": "root", "piece length": BLOCK, "pieces": b"h" * 40,
                 "private": 1, "source": "S", "collections": ["z"]}}
    yield "v1_names", {"info": {
        "files": [{"length": 1, "path": [name]} for name in
                  ("", ".", "..", "a", "a", "a.1", "\u202egpj.exe", "x" * 300 + ".txt", "\x1b]0;x\x07")]
        + [{"length": 1, "path": ["a", "b"]}],
        "name": "..", "piece length": BLOCK, "pieces": b"h" * 20}}
    layers = {}
    tree = {"a": leaf(3 * BLOCK, 2 * BLOCK, layers), "b": leaf(0, 2 * BLOCK, layers),
            "dir": {"c": leaf(20, 2 * BLOCK, layers, attr="x"), "d": leaf(4 * BLOCK, 2 * BLOCK, layers)},
            "link": {"": {"attr": "l", "length": 0, "symlink path": ["dir", "c"]}}}
    info = {"file tree": tree, "meta version": 2, "name": "root", "piece length": 2 * BLOCK}
    yield "v2_multi", {"info": info, "piece layers": layers}
    yield "v2_without_layers", {"info": info}
    yield "v2_single", {"info": dict(info, **{"file tree": {"f": leaf(BLOCK, 2 * BLOCK, {})}}),
                        "piece layers": {}}
    layers = {}
    hybrid = {
        "file tree": {"a": leaf(3 * BLOCK, 2 * BLOCK, layers), "b": leaf(10, 2 * BLOCK, layers)},
        "files": [{"length": 3 * BLOCK, "path": ["a"]},
                  {"length": BLOCK, "attr": "p", "path": [".pad", str(BLOCK)]},
                  {"length": 10, "path": ["b"]}],
        "meta version": 2, "name": "root", "piece length": 2 * BLOCK, "pieces": b"h" * 60}
    yield "hybrid", {"info": hybrid, "piece layers": layers}
    yield "deep_tree", {"info": dict(info, **{"file tree": nest(leaf(1, 2 * BLOCK, {}), 40)})}


def krpc():
    """Datagrams of every kind, as name and value."""
    own, target, v4, v6 = "i" * 20, "t" * 20, bytes([8, 8, 8, 8, 26, 225]), bytes([32, 1] + [9] * 15 + [1])
    asks = {"ping": {}, "find_node": {"target": target, "want": ["n4", "n6"]},
            "get_peers": {"info_hash": target, "scrape": 1, "noseed": 1},
            "announce_peer": {"info_hash": target, "port": 6881, "implied_port": 1, "token": "12345678", "seed": 1},
            "get": {"target": target, "seq": 3}, "sample_infohashes": {"target": target},
            "put": {"v": {"a": [1, "b"]}, "k": "k" * 32, "sig": "s" * 64, "seq": 4, "cas": 3, "salt": "x", "token": "t"},
            "vote": {"target": target}}
    for name, arguments in asks.items():
        yield name, {"a": dict(arguments, id=own), "q": name, "t": "aa", "y": "q", "v": "BA01", "ro": 1}
    node4, node6 = b"n" * 20 + v4, b"m" * 20 + v6
    answers = {"pong": {}, "nodes": {"nodes": node4 * 8, "nodes6": node6 * 3, "token": "token"},
               "peers": {"values": [v4, v6, "odd"], "nodes": node4, "token": "token"},
               "scraped": {"BFsd": bytes(256), "BFpe": b"\xff" * 256},
               "item": {"v": "value", "k": "k" * 32, "sig": "s" * 64, "seq": 4, "token": "token"},
               "samples": {"samples": b"s" * 60, "num": 9, "interval": 600}}
    for name, fields in answers.items():
        yield name, {"r": dict(fields, id=own), "t": "aa", "y": "r", "ip": v4}
    yield "error", {"e": [203, "Protocol Error"], "t": "aa", "y": "e"}


def metadata():
    """What peers send, line by line, as name and bytes: metadata_fuzz.cpp says how they are read."""
    info = bencode({"length": 5, "name": "a", "piece length": BLOCK, "pieces": b"a" * 20})
    size = len(info)

    def shake(peer, claimed, **more):
        return bytes([ord("4") + peer]) + bencode(dict(more, m={"ut_metadata": 1, "ut_pex": 2}, metadata_size=claimed))

    def send(peer, kind, piece=0, total=None, data=b""):
        head = {"msg_type": kind, "piece": piece} | ({} if total is None else {"total_size": total})
        return bytes([ord("0") + peer]) + bencode(head) + data

    leave, wait = b"8", b"<" + b"." * 36  # a quarter of a second a byte
    for name, lines in {
            "whole": [shake(0, size, v="client", reqq=250, p=6881, yourip=b"\1\2\3\4"), send(0, 1, 0, size, info)],
            "liar": [shake(0, size), shake(1, size), send(0, 1, 0, size, b"x" * size), send(1, 1, 0, size, info)],
            "sizes": [shake(0, 0), shake(1, BLOCK + 3), shake(2, (32 << 20) + 1), send(1, 1, 1, BLOCK + 3, b"abc"),
                      shake(3, 32 << 20), shake(2, -1)],
            "requests": [send(0, 0), send(1, 0, 1), send(2, 0, 0xffffffff), send(3, 0, 1 << 32), send(0, 3)],
            "refused": [shake(0, size), send(0, 2), wait, send(0, 2), wait, send(0, 1, 0, size, info)],
            "late": [shake(0, size), wait, send(0, 1, 0, size, info), send(0, 1, 0, size, info)],
            "unasked": [send(0, 1, 0, size, info), shake(0, 5), send(0, 1, 0, size, info), leave, wait]}.items():
        yield name, b"\n".join(lines)


def nest(value, levels):
    for _ in range(levels):
        value = {"d": value}
    return value


def write(target, name, content):
    folder = os.path.join(HERE, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as out:
        out.write(content if isinstance(content, bytes) else content.encode())


def main():
    for name, torrent in torrents():
        write("metainfo", name, bencode(torrent))
        write("metainfo", name + "_info", bencode(torrent["info"]))
    for name, text in {
            "values": b"d1:ai-7e1:bl3:xyz0:i0eli1eee1:cd1:kd2:xx4:yyyyee1:z5:helloe",
            "unsorted": b"d1:bi007e1:ai-0e1:bi1ee", "prefix": b"d8:msg_typei1e5:piecei0ee0123456789",
            "limits": b"li9223372036854775807ei-9223372036854775808ei9223372036854775808ee",
            "nested": b"l" * 32 + b"e" * 32, "deeper": b"d1:a" * 40, "long": b"9999999999:abc",
            "digits": b"i" + b"0" * 30 + b"e"}.items():
        write("bencode", name, text)
    v4, v6 = bytes([20, 1, 2, 3, 0x1a, 0xe1]), bytes(range(16)) + b"\x1a\xe1"
    for name, exchange in {
            "both": {"added": v4 * 3, "added.f": b"\2\x10\0", "added6": v6, "added6.f": b"\x12",
                     "dropped": v4, "dropped6": v6 * 2},
            "short": {"added": v4 * 2 + b"abc", "added.f": b"\2", "dropped6": b"x" * 17},
            "many": {"added": v4 * 250}, "typed": {"added": 6, "dropped": [v4]},
            "page": {"added": b"".join(bytes([20, 9, n, 1]) + v4[4:] for n in range(60)),
                     "dropped": bytes([20, 9, 7, 1]) + v4[4:]}}.items():
        write("pex", name, bencode(exchange))
    for name, rest in {
            "plain": f"Host: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: {'0a' * 20}\r\ncookie: x\r\n\r\n\r\n",
            "many": "Port:1\n" + "".join(f"infohash: {i:040X}\n" for i in range(25)) + "X-y: z\n",
            "odd": "PORT : 65535 \r\n:\r\nno header\r\nInfohash: short\r\n"}.items():
        write("local_announce", name, "BT-SEARCH * HTTP/1.1\r\n" + rest)
    v1, v2 = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a", "ca" * 32
    for name, rest in {
            "full": f"xt=urn:btih:{v1}&dn=a%20b+c&tr=http%3A%2F%2Ft%2Fannounce&tr.1=udp://u:80"
                    "&ws=http://w/&x.pe=127.0.0.1:6881&x.pe=[::1]:2&so=0,2,4-8,6-9",
            "hybrid": f"xt=urn:btih:{v1}&amp;xt=urn:btmh:1220{v2}",
            "base32": "xt=urn:btih:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK&dn=100%",
            "two": f"xt=urn:btih:{v1}&xt=urn:btih:{v1[::-1]}"}.items():
        write("magnet", name, "magnet:?" + rest)
    for name, text in {
            "full": "http://user:pw@Tracker.Example:8080/a/../b%20c?x=1&passkey=0123456789abcdef#top\n../x?y",
            "v6": "udp://[2001:db8::1]:6969/announce\n//[::1]:80/x", "plain": "https://a\n/b/./c/../d",
            "passkey": "http://a/0123456789abcdef0123456789abcdef/announce\nhttps://b/",
            "odd": "HTTP://a:/\u65e5 \"<>\\^`{|}\n?q", "controls": "http://a/\x1b[2J\r\nHost: b"}.items():
        write("url", name, text)
    for name, text in {
            "v4": "192.0.2.1:6881", "v6": "[2001:db8::1:0:0:1]:80", "mapped": "::ffff:1.2.3.4",
            "compressed": "1::8", "host": "tracker.example.org:6969", "full": "1:2:3:4:5:6:7:8",
            "mixed": "64:ff9b::192.0.2.33", "bare": "::1"}.items():
        write("endpoint", name, text)
    for name, text in {
            "equal": b"a\1b.txt\0a\1b.txt\0a\1b.1.txt\0a", "folders": b"a\0a\1b\0a\1b\1c\0a.1\0a\1b",
            "dots": b"..\1..\1etc\0.\0\1\0/\0\\\1./.", "long": b"x" * 300 + b".txt\0" + b"x" * 300 + b".txt",
            "deep": b"\1".join([b"d"] * 150), "bytes": b"\xc0\xae\1\xe2\x80\xae\1\xff\1\x1b[2J"}.items():
        write("file_name", name, text)
    for name, message in krpc():
        write("krpc", name, bencode(message))
    for name, lines in metadata():
        write("metadata", name, lines)
    for seed in range(12):  # bytes that become events
        chance = random.Random(seed)
        write("dht_node", f"random{seed}", bytes(chance.randrange(256) for _ in range(300 + 300 * seed)))
        chance = random.Random(seed)
        write("swarm", f"random{seed}", bytes(chance.randrange(256) for _ in range(600 + 300 * seed)))
    for seed in range(12):
        chance = random.Random(100 + seed)
        write("metadata_fetch", f"random{seed}", bytes(chance.randrange(256) for _ in range(200 + 200 * seed)))


if __name__ == "__main__":
    main()
