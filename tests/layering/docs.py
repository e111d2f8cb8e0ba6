#!/usr/bin/env python3
"""Fails when a document names a file or folder of the sources that is not there: docs.py SOURCE_FOLDER.

A name is what stands in backquotes and begins with a folder of the sources, or of the client. It may lack its
extension, hold `*`, or several names in braces.
"""

import glob
import os
import re
import sys

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "docs/*.md", "tests/*/README.md"]
ROOMS = ["torrent", "chunkstore", "tracker", "dht", "client", "sim", "cli", "tests", "bench", "samples", "cmake"]
OF_CLIENT = ["wire", "swarm", "link", "net", "torrents"]
NAME = re.compile(rf"`((?:{'|'.join(ROOMS + OF_CLIENT)})/[\w/.{{}},*-]*)`")


def spelled_out(name):
    braces = re.fullmatch(r"(.*)\{(.*)\}(.*)", name)
    if not braces:
        return [name]
    before, middle, after = braces.groups()
    return [before + part + after for part in middle.split(",")]


def is_there(root, name):
    return any(glob.glob(os.path.join(root, place, name.rstrip("/") + ending))
               for place in ("", "client") for ending in ("", ".*"))


def missing(root):
    for pattern in DOCUMENTS:
        for document in sorted(glob.glob(os.path.join(root, pattern))):
            with open(document, encoding="utf-8") as file:
                text = file.read()
            for name in sorted(set(NAME.findall(text))):
                if not all(is_there(root, one) for one in spelled_out(name)):
                    yield f"{os.path.relpath(document, root)} names {name}, which is not there"


def main():
    root = sys.argv[1]
    assert is_there(root, "swarm/choker") and not is_there(root, "swarm/no_such_file")  # it would see it
    found = list(missing(root))
    print("\n".join(found) or "all that the documents name is there")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
