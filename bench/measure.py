"""Looks at processes through /proc while they run: CPU, memory; and at the CPU that others used."""

import mmap
import os
import signal
import sys
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
PIECE = 64 << 10
BUFFERS = 512 << 20  # of the programs and the kernel, kept warm beside the data


def cpu_seconds(pid):
    """User and system time of a process so far, its ended threads included."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine_cpu_seconds():
    """What all CPUs did besides idling and waiting, since the machine started."""
    with open("/proc/stat", encoding="ascii") as file:
        numbers = [int(field) for field in file.readline().split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq = numbers[:7]
    return (user + nice + system + irq + softirq) / TICKS


def clean_up_on_sigterm():
    """SIGTERM ends the program as an exception does: gigabytes in memory are given back."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def calm(limit, seconds):
    """Waits until the CPUs have been idle for a second but for `limit` of a core; false if they never are."""
    deadline = now() + seconds
    while now() < deadline:
        before = machine_cpu_seconds()
        time.sleep(1)
        if machine_cpu_seconds() - before <= limit:
            return True
    return False


class Watch(threading.Thread):
    """Samples the memory of a process until it is stopped or the process ends."""

    def __init__(self, pid, interval=0.02):
        super().__init__(daemon=True)
        self.pid, self.interval = pid, interval
        self.rss = self.anon = 0  # KiB, peaks
        self._stopping = threading.Event()
        self.start()

    def run(self):
        while not self._stopping.wait(self.interval):
            if not self.look():
                return

    def look(self):
        try:
            with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
                fields = dict(line.split(":", 1) for line in file if ":" in line)
        except (FileNotFoundError, ProcessLookupError):
            return False
        if "VmRSS" not in fields:  # a zombie
            return False
        self.rss = max(self.rss, int(fields["VmRSS"].split()[0]))
        self.anon = max(self.anon, int(fields["RssAnon"].split()[0]))
        return True

    def stop(self):
        self._stopping.set()
        self.join()


_held = {}  # bytes: the mapping whose pages keep that much free memory in pieces


def hold_in_pieces(size):
    """Touches `size` bytes of memory and frees them, but for one page in every 64 KiB, until the program ends.

    A host takes back the larger blocks of memory that its guest has freed (free page reporting), within a second
    or two. Memory that lies in small pieces it leaves; and the kernel gives those out first."""
    if size in _held:
        return
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    for page in range(0, size, mmap.PAGESIZE):
        memory[page] = 1
    for piece in range(0, size - PIECE + 1, PIECE):
        memory.madvise(mmap.MADV_DONTNEED, piece + mmap.PAGESIZE, PIECE - mmap.PAGESIZE)
    _held[size] = memory


def hold_free_memory(spare):
    """All free memory but `spare` bytes in pieces: a page cache that takes large blocks where there are any finds
    none that the host has taken back."""
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    if not any(size > BUFFERS for size in _held):
        hold_in_pieces(max(PIECE, int(fields["MemFree"].split()[0]) * 1024 - spare))


def warm(folder, size):
    """Writes and frees as much memory as the download will take; what is freed stays warm from then on.

    A guest's first touch of memory that its host had taken back costs up to ten times as much, and
    falls on whoever allocates it: without this step a comparison is noise."""
    hold_in_pieces(size + BUFFERS)
    path = os.path.join(folder, "warm")
    block = bytes(1 << 20)
    with open(path, "wb", buffering=0) as file:
        for _ in range(size >> 20):
            file.write(block)
    os.unlink(path)


def same_bytes(one, other):
    with open(one, "rb", buffering=0) as left, open(other, "rb", buffering=0) as right:
        while True:
            a, b = left.read(1 << 20), right.read(1 << 20)
            if a != b:
                return False
            if not a:
                return True


def now():
    return time.monotonic()
