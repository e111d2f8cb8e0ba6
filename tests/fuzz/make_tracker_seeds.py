#!/usr/bin/env python3
"""Writes the inputs from which the fuzzers of tracker/ start, into corpus/. Same output every time."""

import os
import struct

from make_seeds import HERE, bencode

HASH = "%01%02abc%ff%2B%26%3d%25" + "x" * 10
V4, V6 = bytes([10, 0, 0, 1, 26, 225]), bytes([0xfd] + [0] * 14 + [1, 26, 225])

QUERIES = {
    "plain": f"info_hash={HASH}&peer_id=-BA0100-abcdefghijkl&port=6881&uploaded=0&downloaded=0&left=5"
             "&compact=1&event=started&numwant=50&key=1a2b",
    "seed": f"info_hash={HASH}&port=1&left=0&event=completed&compact=0&trackerid=%00x",
    "stopped": f"info_hash={HASH}&port=65535&left=-1&event=stopped&numwant=-1",
    "paused": f"port=80&info_hash={HASH}&event=paused&numwant=0&ip=1.2.3.4&ipv6=%3A%3A1",
    "odd": f"&&x&=&info_hash={HASH}&info_hash=y&port=7&left=99999999999999999999&event=empty",
    "bad": "info_hash=%zz&port=0",
}
SCRAPES = {
    "two": f"info_hash={HASH}&info_hash={'y' * 20}",
    "twice": f"info_hash={HASH}&info_hash={HASH}&x=1",
    "many": "&".join(f"info_hash={c * 20}" for c in "abcdef"),
}
BODIES = {
    "compact": {"interval": 1800, "min interval": 60, "complete": 3, "incomplete": 4, "peers": V4 * 3,
                "peers6": V6 * 2, "external ip": V4[:4], "tracker id": "t", "warning message": "w"},
    "full": {"interval": 5, "peers": [{"ip": "10.0.0.1", "port": 80, "peer id": "a" * 20},
                                      {"ip": "a.example", "port": 65535}, {"ip": "::1", "port": 1},
                                      {"ip": "0.0.0.0", "port": 1}, {"port": 0}, 7]},
    "failure": {"failure reason": "no", "retry in": 5},
    "never": {"failure reason": "no", "retry in": "never"},
    "cut": {"peers": V4 + V4[:3], "peers6": b""},
    "address6": {"interval": -1, "external ip": V6[:16], "peers": {}},
}

ID, TRANSACTION, MAGIC = 0x1122334455667788, 7, 0x41727101980


def request(action, body=b"", connection_id=ID):
    return struct.pack(">QII", connection_id, action, TRANSACTION) + body


def announce(event=2, wanted=-1, port=6881, options=b""):
    return request(1, b"h" * 20 + b"-BA0100-abcdefghijkl" + struct.pack(">QQQIIIiH", 1, 2, 3, event, 0, 0xabcdef01,
                                                                       wanted, port) + options)


UDP_REQUESTS = {
    "connect": request(0, connection_id=MAGIC),
    "announce": announce(),
    "path": announce(1, 50, 80, b"\x02\x0c/dir?a=b&c=d\x01\x01\x00"),
    "parts": announce(3, 0, 1, b"\x02\xff" + b"/" * 255 + b"\x02\x00\x77\x02ab\x02\x01x"),
    "cut": announce(4, 200, 65535, b"\x02\x09/a"),
    "scrape": request(2, b"a" * 20 + b"b" * 20),
    "many": request(2, bytes(20 * 75)),
}


def reply(action, body=b""):
    return struct.pack(">II", action, TRANSACTION) + body


UDP_REPLIES = {
    "connected": reply(0, struct.pack(">Q", ID)),
    "announced": reply(1, struct.pack(">III", 1800, 4, 3) + V4 * 3),
    "announced6": reply(1, struct.pack(">III", 5, 0, 1) + V6 * 2 + V6[:5]),
    "scraped": reply(2, struct.pack(">IIIIII", 1, 2, 3, 4, 5, 6)),
    "error": reply(3, b"not today"),
    "nothing": reply(3),
}


def write(target, name, data):
    folder = os.path.join(HERE, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


for name, query in QUERIES.items():
    write("announce_query", name, query.encode())
for name, query in SCRAPES.items():
    write("scrape_query", name, query.encode())
for name, body in BODIES.items():
    write("announce_body", name, bencode(body))
for name, packet in UDP_REQUESTS.items():
    write("udp_request", name, packet)
for name, packet in UDP_REPLIES.items():
    write("udp_reply", name, packet)
