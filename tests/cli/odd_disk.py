"""A disk with rules of its own for names, for tests: a pass-through over /dev/fuse, in a mount namespace of
the process that mounts it. Standard library only."""

import ctypes
import errno
import os
import stat
import struct
import threading
import time
import unittest

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWUSER, _CLONE_NEWNS, _MS_PRIVATE, _MS_REC = 0x10000000, 0x20000, 1 << 18, 1 << 14


def own_mounts():
    """From here on this process, and those that it starts, have mounts of their own. Skips where that cannot be."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise unittest.SkipTest("no /dev/fuse")
    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        if _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS) != 0:
            raise unittest.SkipTest("no user namespaces")
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    elif _libc.unshare(_CLONE_NEWNS) != 0:
        raise unittest.SkipTest("no mount namespaces")
    if _libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        raise unittest.SkipTest("mounts cannot be made private")


class OddDisk:
    """What lies in `folder`, shown at `place`. Two names are one if fold() makes them equal; those of which
    refuses() is true cannot be made, for the reason `refusal`; files cannot be resized but by writing."""

    def __init__(self, folder, place, fold=str, refuses=lambda name: False, refusal=errno.EINVAL):
        self.folder, self.fold, self.refuses, self.refusal = folder, fold, refuses, refusal
        self.paths, self.nodes = {1: ""}, {}
        os.makedirs(folder, exist_ok=True)
        os.makedirs(place, exist_ok=True)
        self.fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.fuse},rootmode=40000,user_id=0,group_id=0,default_permissions"
        if _libc.mount(b"odd", os.fsencode(place), b"fuse", 0, options.encode()) != 0:
            raise unittest.SkipTest("FUSE cannot be mounted: " + os.strerror(ctypes.get_errno()))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                message = os.read(self.fuse, (1 << 20) + 65536)
            except InterruptedError:
                continue
            except OSError:
                return
            _, code, unique, node = struct.unpack_from("<IIQQ", message)
            if code in (2, 36, 42):  # FORGET, INTERRUPT, BATCH_FORGET have no answer
                continue
            try:
                body, error = self._answer(code, node, message[40:]), 0
            except OSError as trouble:
                body, error = b"", -(trouble.errno or errno.EIO)
            try:
                os.write(self.fuse, struct.pack("<IiQ", 16 + len(body), error, unique) + body)
            except OSError:
                pass

    def _real(self, node, name=None, make=False):
        folder = os.path.join(self.folder, self.paths[node]) if self.paths[node] else self.folder
        if name is None:
            return folder
        name = os.fsdecode(name)
        if make and self.refuses(name):
            raise OSError(self.refusal, "")
        there = [one for one in os.listdir(folder) if self.fold(one) == self.fold(name)]
        return os.path.join(folder, there[0] if there else name)

    def _attributes(self, path):
        status = os.lstat(path)
        times = [divmod(value, 10**9) for value in (status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns)]
        return struct.pack("<6Q10I", status.st_ino, status.st_size, status.st_blocks, *(t[0] for t in times),
                           *(t[1] for t in times), status.st_mode, status.st_nlink, 0, 0, 0, 4096, 0)

    def _entry(self, path):
        status = os.lstat(path)
        node = self.nodes.setdefault((status.st_dev, status.st_ino), len(self.nodes) + 2)
        self.paths[node] = os.path.relpath(path, self.folder)
        return struct.pack("<4Q2I", node, 0, 0, 0, 0, 0) + self._attributes(path)

    def _answer(self, code, node, body):
        def name(at=0):
            return body[at:].split(b"\0")[0]
        handle = struct.unpack_from("<Q", body)[0] if len(body) >= 8 else 0
        if code == 26:  # INIT; BIG_WRITES
            return struct.pack("<4I2H2I2H8I", 7, 31, 65536, 1 << 5, 16, 12, 1 << 17, 1, 32, 0, *[0] * 8)
        if code == 1:  # LOOKUP
            return self._entry(self._real(node, name()))
        if code in (3, 4):  # GETATTR, SETATTR
            if code == 4 and struct.unpack_from("<I", body)[0] & 8:  # the size
                raise OSError(errno.EPERM, "")
            return struct.pack("<QII", 0, 0, 0) + self._attributes(self._real(node))
        if code == 9:  # MKDIR
            path = self._real(node, name(8), make=True)
            os.mkdir(path)
            return self._entry(path)
        if code == 10:  # UNLINK
            os.unlink(self._real(node, name()))
            return b""
        if code in (12, 45):  # RENAME, RENAME2
            flags = struct.unpack_from("<QI", body)[1] if code == 45 else 0
            old, new = body[16 if code == 45 else 8:].split(b"\0")[:2]
            source, target = self._real(node, old), self._real(handle, new, make=True)
            if flags & 1 and os.path.lexists(target):
                raise OSError(errno.EEXIST, "")
            os.rename(source, target)
            self._entry(target)
            return b""
        if code in (14, 35):  # OPEN, CREATE
            flags = struct.unpack_from("<I", body)[0] & ~(os.O_NOFOLLOW | os.O_EXCL)
            path = self._real(node, name(16), make=True) if code == 35 else self._real(node)
            opened = os.open(path, flags | (os.O_CREAT if code == 35 else 0), 0o644)
            return (self._entry(path) if code == 35 else b"") + struct.pack("<QII", opened, 1, 0)
        if code == 15:  # READ
            handle, offset, size = struct.unpack_from("<QQI", body)
            return os.pread(handle, size, offset)
        if code == 16:  # WRITE
            handle, offset, size = struct.unpack_from("<QQI", body)
            return struct.pack("<II", os.pwrite(handle, body[40:40 + size], offset), 0)
        if code == 17:  # STATFS
            one = os.statvfs(self.folder)
            return struct.pack("<5Q10I", one.f_blocks, one.f_bfree, one.f_bavail, one.f_files, one.f_ffree,
                               one.f_bsize, 255, one.f_frsize, *[0] * 7)
        if code == 18:  # RELEASE
            os.close(handle)
            return b""
        if code == 20:  # FSYNC
            os.fsync(handle)
            return b""
        if code == 27:  # OPENDIR
            return struct.pack("<QII", 0, 0, 0)
        if code in (25, 29, 30):  # FLUSH, RELEASEDIR, FSYNCDIR
            return b""
        raise OSError(errno.ENOSYS, "")
