"""System calls of the two sides of a transfer, counted by strace -c -f.

A downloader is traced from its start (what its start costs is counted, too), a seeder from the moment
when it serves. Nothing else of such a run is worth anything: tracing makes it many times slower."""

import os
import shutil
import signal
import subprocess

from process import Process, Timeout, until

REFUSED = "strace may not look at processes here"


def missing():
    """Why nothing can be counted here; empty if it can."""
    if not shutil.which("strace"):
        return "strace is not installed: samples/install.sh bench"
    tried = subprocess.run(traced("/dev/null", ["true"]), capture_output=True, check=False)
    return REFUSED if tried.returncode != 0 else ""


def traced(path, arguments):
    """The command under strace; its process id stays that of the command itself."""
    return ["strace", "-D", "-f", "-c", "-U", "name,calls", "-o", path, "--", *arguments]


class Attached:
    """Counts the calls of a process that runs already. Throws Timeout where that is not allowed."""

    def __init__(self, pid, path):
        self.path = path
        self.process = Process(os.path.basename(path), [
            "strace", "-f", "-c", "-U", "name,calls", "-o", path, "-p", pid], os.path.dirname(path))
        until(lambda: "attached" in self.process.errors(), 10, "strace", self.process)

    def stop(self):
        self.process.stop(signal.SIGINT)


def calls(path):
    """Name -> calls, `total` among them; nothing where strace could not look."""
    try:
        until(lambda: os.path.exists(path) and "total" in read(path), 10, "what strace counted")
    except Timeout:
        return None
    found = {}
    for line in read(path).splitlines():
        words = line.split()
        if len(words) == 2 and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
