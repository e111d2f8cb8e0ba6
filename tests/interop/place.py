"""Where contestants run: a row of the interop table, a place in a bench."""

import os


class Place:
    """A folder, addresses, and whatever was started in it: closing ends that."""

    def __init__(self, folder, barter, addresses):
        self.folder, self.barter, self.addresses = folder, barter, addresses
        self.peers, self.cleanups = [], []
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)

    def address(self):
        return self.addresses.address()

    def port(self):
        return self.addresses.port()

    def started(self, peer):
        self.peers.append(peer)

    def at_end(self, function):
        self.cleanups.append(function)

    def kill_all(self):
        for peer in reversed(self.peers):
            peer.kill()

    def close(self):
        self.kill_all()
        for function in reversed(self.cleanups):
            function()
