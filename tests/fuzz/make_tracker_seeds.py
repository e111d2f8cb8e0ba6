#!/usr/bin/env python3
"""Writes the inputs from which the fuzzers of tracker/ start, into corpus/. Same output every time."""

import os

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
