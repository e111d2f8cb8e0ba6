"""A child process that is stopped by its id and leaves a log: Process. Waiting: until()."""

import os
import signal
import subprocess
import threading
import time


class Timeout(Exception):
    """Something that should have happened by now did not."""


def until(condition, seconds, what, process=None):
    """Polls until condition() is true and returns its value; gives up early if the process ended."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if process is not None and process.poll() is not None:
            value = condition()
            if value:
                return value
            raise Timeout(f"{process.name} ended with {process.poll()} before {what}\n{process.tail()}")
        if time.monotonic() > deadline:
            tail = "\n" + process.tail() if process is not None else ""
            raise Timeout(f"no {what} within {seconds:g} s{tail}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


class Process:
    """Starts at once. Standard output and standard error go to NAME.out and NAME.err in `folder`.

    The child gets SIGKILL if we die. Its resource use is known after it ended (`usage`)."""

    def __init__(self, name, arguments, folder, env=None, cwd=None):
        self.name = name
        self.arguments = [str(argument) for argument in arguments]
        os.makedirs(folder, exist_ok=True)
        self.out_path = os.path.join(folder, name + ".out")
        self.err_path = os.path.join(folder, name + ".err")
        self.usage = None
        self.returncode = None
        self._lock = threading.Lock()
        self.began = time.monotonic()
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--"] + self.arguments, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, cwd=cwd or folder, env=dict(os.environ, **(env or {})))
        self.pid = self._child.pid

    def poll(self):
        """The exit code (negative: the signal that ended it), or None while it runs."""
        with self._lock:
            if self.returncode is None:
                pid, status, usage = os.wait4(self.pid, os.WNOHANG)
                if pid:
                    self._ended(status, usage)
            return self.returncode

    def _ended(self, status, usage):
        self.usage = usage
        self.returncode = os.waitstatus_to_exitcode(status)
        self._child.returncode = self.returncode  # so that Popen does not look for it again
        self.seconds = time.monotonic() - self.began

    def wait(self, seconds=60):
        until(lambda: self.poll() is not None, seconds, f"end of {self.name}")
        return self.returncode

    def send(self, number):
        with self._lock:
            if self.returncode is None:
                os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, seconds=8):
        """Asks it to end; kills it if it does not in time. Returns the exit code."""
        if self.poll() is None:
            self.send(number)
            try:
                self.wait(seconds)
            except Timeout:
                self.kill()
        return self.returncode

    def kill(self):
        self.send(signal.SIGKILL)
        return self.wait(20)

    def output(self):
        with open(self.out_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def errors(self):
        with open(self.err_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def tail(self, lines=12):
        """The command and the last it printed, for a report of failure."""
        shown = ["$ " + " ".join(self.arguments)]
        for label, text in (("out", self.output()), ("err", self.errors())):
            shown += [f"  {label}: {line[:300]}" for line in text.replace("\r", "\n").split("\n")
                      if line.strip()][-lines:]
        return "\n".join(shown)


def run(arguments, folder, name="command", seconds=60, env=None):
    """Runs a command to its end; returns the Process."""
    process = Process(f"{name}-{time.monotonic_ns()}", arguments, folder, env=env)
    try:
        process.wait(seconds)
    except Timeout:
        process.kill()
        raise
    return process
