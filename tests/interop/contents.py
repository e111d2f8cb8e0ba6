"""What is transferred, and the comparison of what arrived."""

import hashlib
import os
import random
import stat

MIB = 1 << 20


def _write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def single(root, mib=6, seed=1):
    """One file of random bytes, its length no multiple of anything."""
    path = os.path.join(root, "single.bin")
    _write(path, random.Random(seed).randbytes(int(mib * MIB) + 12345))
    return path


def tree(root):
    """Folders, empty files, awkward names, files smaller and larger than a piece."""
    source = os.path.join(root, "tree with a space")
    chance = random.Random(2)
    for name, length in (
            ("readme.txt", 700), ("empty", 0), ("a/empty.too", 0), ("a/b/c/deep.bin", 300_000),
            ("a/one block", 16384), ("a/one more than a block", 16385), ("big.bin", 2 * MIB + 1),
            ("it's \"quoted\" & $HOME `x`; #1 100%.txt", 4000), ("-dash", 5),
            ("Übergrößenträger/ñandú — 日本語 🦊.bin", 90_000), ("combining e\u0301.txt", 12),
            (".hidden", 77), ("aux.c", 99), ("zz/last", 1)):
        _write(os.path.join(source, name), chance.randbytes(length))
    return source


def many(root, count=10_000):
    """Many small files, a hundred to a folder."""
    source = os.path.join(root, "many")
    chance = random.Random(3)
    for number in range(count):
        _write(os.path.join(source, f"{number // 100:03}", f"file{number:05}"),
               chance.randbytes(chance.randrange(0, 900)))
    return source


def sparse(root, gib=5):
    """A large file with a little in it: offsets beyond 32 bits, at next to no cost on disk."""
    path = os.path.join(root, "sparse.img")
    chance = random.Random(4)
    with open(path, "wb") as file:
        file.truncate(int(gib * 1024) * MIB + 4321)
        for at in (0, 2**31 - 8, 2**32 - 8, 2**32 + 123456, int(gib * 1024) * MIB):
            if at < gib * 1024 * MIB + 1:
                file.seek(at)
                file.write(chance.randbytes(4000))
    return path


def zeros(path, length):
    _write(path, bytes(length))


def listing(root):
    """Relative path -> (length, digest) of every file below root; root may be one file."""
    if not os.path.isdir(root):
        return {"": _digest(root)}
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = _digest(path)
    return found


def _digest(path):
    info = os.lstat(path)
    if not stat.S_ISREG(info.st_mode):
        return (-1, "not a regular file")
    digest = hashlib.sha1()
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(4 * MIB):
            digest.update(chunk)
    return (info.st_size, digest.hexdigest())


def compare(expected, got, ignore=lambda path: False, name=lambda path: path, empty_files=True):
    """Fails unless both trees hold the same files with the same bytes.

    For the quirks of others: `name` says what they call a path, and `empty_files` whether they create
    files without bytes."""
    want = {name(path): value for path, value in listing(expected).items() if value[0] or empty_files}
    have = {path: value for path, value in listing(got).items() if not ignore(path)}
    missing = sorted(set(want) - set(have))
    extra = sorted(set(have) - set(want))
    different = sorted(path for path in want if path in have and want[path] != have[path])
    if missing or extra or different:
        raise AssertionError(f"contents differ: missing {missing[:5]}, unexpected {extra[:5]}, "
                             f"different {different[:5]}")


def rename(root, name):
    """Gives every file below root the name under which another program looks for it."""
    for path in listing(root):
        if path and name(path) != path:
            os.renames(os.path.join(root, path), os.path.join(root, name(path)))
