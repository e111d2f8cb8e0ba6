"""Calls a method of a running Deluge, and prints what it answers as JSON. For the Python of Debian's Deluge.

    deluge_rpc.py PORT CONFIG METHOD JSON-ARGUMENTS

An argument {"content_of": PATH} stands for the bytes of that file, in base64.
"""

import base64
import json
import os
import socket
import ssl
import struct
import sys
import zlib
from importlib.metadata import version

import rencode

RESPONSE = 1
HEAD = struct.Struct("!BI")  # version of the protocol, length


def exchange(connection, number, method, arguments, options=None):
    body = zlib.compress(rencode.dumps(((number, method, arguments, options or {}),)))
    connection.sendall(HEAD.pack(1, len(body)) + body)
    stream = connection.makefile("rb")
    while True:
        _version, length = HEAD.unpack(stream.read(HEAD.size))
        kind, answered, *rest = rencode.loads(zlib.decompress(stream.read(length)), decode_utf8=True)
        if kind != RESPONSE and answered == number:
            sys.exit(f"{method}: {rest}")
        if answered == number:
            return rest[0]


def argument(value):
    if not isinstance(value, dict) or list(value) != ["content_of"]:
        return value
    with open(value["content_of"], "rb") as file:
        return base64.b64encode(file.read()).decode()


def main():
    port, config, method, arguments = sys.argv[1:]
    with open(os.path.join(config, "auth"), encoding="ascii") as file:
        user, password = next(line for line in file if line.startswith("localclient:")).strip().split(":")[:2]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it signs its own, on this machine
    with context.wrap_socket(socket.create_connection(("127.0.0.1", int(port)), 10)) as connection:
        exchange(connection, 1, "daemon.login", (user, password), {"client_version": version("deluge")})
        print(json.dumps(exchange(connection, 2, method, tuple(map(argument, json.loads(arguments))))))


main()
