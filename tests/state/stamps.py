"""Makes state that an earlier version left fit files of now.

A journal, or the memory of `share`, says how each file looked (inode, times of birth and change, size) when its pieces were
verified. Files that a test makes look otherwise. What is kept in tests/state is as that version wrote it, byte for byte; this
replaces the stamps, and nothing else, by those of the files that are there, so that what was true of the old files is true of
the new: nobody has touched them since.
"""

import hashlib
import json
import os
import struct
import subprocess
import zlib

STAMPS, WRITTEN, SYNCED = 4, 6, 9  # records of the journal that hold stamps; chunkstore/resume.cpp
HEAD = {STAMPS: 2, WRITTEN: 13, SYNCED: 9}  # bytes of a record before its stamps
ENTRY = struct.Struct("<IQQQQ")  # file, size, mtime, inode, birth


def birth_ns(path):
    text = subprocess.run(["stat", "-c", "%.9W", path], capture_output=True, text=True, check=True).stdout
    seconds, _, rest = text.strip().partition(".")
    return int(seconds) * 10**9 + int(rest.ljust(9, "0") or 0)


def stamp(path):
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ino, birth_ns(path)


def records(journal):
    while journal:
        size, _ = struct.unpack("<II", journal[:8])
        yield journal[8:8 + size]
        journal = journal[8 + size:]


def frame(payload):
    return struct.pack("<II", len(payload), zlib.crc32(payload)) + payload


def for_files(journal, paths):
    """The journal with the stamps of these files, by their place in the torrent."""
    out = b""
    for payload in records(journal):
        head = HEAD.get(payload[0], len(payload))
        entries = payload[head:]
        payload = payload[:head]
        for at in range(0, len(entries), ENTRY.size):
            number = ENTRY.unpack_from(entries, at)[0]
            payload += ENTRY.pack(number, *stamp(paths[number]))
        out += frame(payload)
    return out


def folder_of(state, info_hash, folder):
    """Where the state of a torrent in a download folder lies."""
    return os.path.join(state, f"{info_hash}-{hashlib.sha256(os.path.realpath(folder).encode()).hexdigest()[:16]}")


def share_memory(text, source):
    """The memory of `share` for the files below `source`, and the name of its file without options of `share`."""
    memory = json.loads(text)
    memory["source"] = source
    for file in memory["files"]:
        status = os.stat(os.path.join(source, file[0]))
        file[1:] = [status.st_size, status.st_ino, status.st_dev, status.st_mtime_ns, status.st_ctime_ns]
    name = hashlib.sha256(source.encode() + b"\0false false 0 false").hexdigest()[:40]
    return json.dumps(memory), name
