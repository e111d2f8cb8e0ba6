"""What is transferred: a file of random bytes, and its torrent."""

import os
import subprocess

import contestants
from torrents import Torrent

MIB = 1 << 20


def payload(folder, mib, piece_mib=1):
    """(source, torrent), in a new folder; the bytes are on the disk, and in the page cache."""
    os.makedirs(folder)
    source = os.path.join(folder, "payload.bin")
    with open(source, "wb", buffering=0) as file:
        for _ in range(mib):
            file.write(os.urandom(MIB))
        os.fsync(file.fileno())
    path = os.path.join(folder, "plain.torrent")
    subprocess.run([contestants.PYTHON, os.path.join(contestants.HERE, "lt.py"), "create", source, path,
                    str(piece_mib * MIB), "v1"], check=True)
    return source, Torrent(path)
