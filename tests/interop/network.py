"""Where the contestants meet: addresses and ports, in a network namespace with nothing but `lo`.

enter() starts this program again inside a private namespace (as root, or by a user namespace), where
10.77.0.0/16 belongs to the machine itself: nothing can reach the world, and clients that ignore
loopback addresses (Transmission) see ordinary ones. Where that is not allowed (in many containers),
addresses are 127.77.x.y and everything is bound to them.
"""

import itertools
import os
import shlex
import socket
import subprocess
import sys
import threading

STATE = "BARTER_PRIVATE_NETWORK"  # in the environment: "1" inside, "0" where it is not allowed
_SETUP = ("ip link set lo up && ip addr add 10.77.0.1/32 dev lo && "
          "ip route add local 10.77.0.0/16 dev lo src 10.77.0.1 && "
          # A machine may have IPv6 turned off; that must not cost us the namespace.
          "for n in 1 2 3 4 5 6 7 8 9; do ip address add fd77::$n/128 dev lo nodad 2>/dev/null; done; true")


def _unshare():
    """The command that opens a private namespace, or None where none is allowed."""
    plain = ["unshare", "--net"]
    # Our own user id stays, so that programs do not think that they are root.
    as_user = ["unshare", "--user", "--map-current-user", "--keep-caps", "--net"]
    for command in ([plain] if os.geteuid() == 0 else []) + [as_user]:
        try:
            done = subprocess.run(command + ["sh", "-c", _SETUP], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        except FileNotFoundError:
            return None
        if done.returncode == 0:
            return command
    return None


def enter():
    """Returns inside the private namespace, or outside where there can be none."""
    if STATE in os.environ:
        return
    command = _unshare()
    if command is None:
        os.environ[STATE] = "0"
        return
    os.environ[STATE] = "1"
    program = shlex.join([sys.executable, *sys.argv])
    sys.stdout.flush()
    os.execvp(command[0], command + ["sh", "-c", f"{_SETUP} && exec {program}"])


def is_private():
    return os.environ.get(STATE) == "1"


class Addresses:
    """One address for each process, one port for each listener; safe from any thread."""

    def __init__(self):
        self._hosts = itertools.count(2)
        self._hosts6 = iter(range(2, 10))
        # Below the range from which the kernel takes ports for outgoing connections.
        self._ports = itertools.count(20000 if is_private() else 20000 + os.getpid() % 9000)
        self._lock = threading.Lock()

    def address(self):
        with self._lock:
            number = next(self._hosts)
        prefix = "10.77" if is_private() else "127.77"
        return f"{prefix}.{number // 250}.{1 + number % 250}"

    def address6(self):
        """One of the few: libtorrent binds only to addresses that an interface lists."""
        with self._lock:
            return f"fd77::{next(self._hosts6)}"

    def port(self):
        """A port that is free on all addresses."""
        with self._lock:
            for port in self._ports:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        probe.bind(("0.0.0.0", port))
                        return port
                    except OSError:
                        continue
        raise RuntimeError("no free port")

    def here(self):
        """The address by which a process that binds to all is reached, and from which it connects."""
        return "10.77.0.1" if is_private() else "127.0.0.1"


def has_ipv6():
    """Whether fd77::1 is ours."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("fd77::1", 0))
            return True
        except OSError:
            return False


def accepts(address, port):
    """Whether somebody listens there."""
    try:
        with socket.create_connection((address, port), 1):
            return True
    except OSError:
        return False
