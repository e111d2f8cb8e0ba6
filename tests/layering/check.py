#!/usr/bin/env python3
"""Checks the direction of dependencies (docs/design.md): check.py SOURCE_FOLDER, or check.py --self-test.

Fails when a core file includes what belongs to the shell or asks for the time or for randomness, when a
folder includes one that it must not know, when a public header shows Asio, and when a source file
passes 700 lines. Before it looks at the sources it proves on small made-up trees that it would see each
kind of violation. Reads files only; uses nothing but the standard library.
"""

import os
import re
import sys
import tempfile

# folder -> the folders of ours that it may include. `cli` is bound by the public headers besides.
MAY_INCLUDE = {
    "torrent": {"torrent"},
    "chunkstore": {"chunkstore", "torrent"},
    "tracker": {"tracker", "torrent"},
    "dht": {"dht", "torrent"},
    "client": {"client", "dht", "chunkstore", "tracker", "torrent"},
    "sim": {"sim", "client", "dht", "chunkstore", "tracker", "torrent"},
    "cli": {"cli", "client", "sim", "chunkstore", "tracker", "torrent"},
}
# The same for the parts of the client: wire <- swarm <- link <- net <- torrents. The simulator sees wire and swarm. The
# values (CLIENT_VALUES) are what a user of the Client and its parts both speak of.
CLIENT_PARTS = {
    "wire": {"wire"},
    "swarm": {"wire", "swarm"},
    "link": {"wire", "swarm", "link"},
    "values": {"wire", "swarm", "values"},
    "net": {"wire", "swarm", "link", "net", "values"},
    "torrents": {"wire", "swarm", "link", "net", "torrents", "values"},
    "": {"wire", "swarm", "link", "net", "torrents", "values", ""},
}
SIM_MAY_SEE_OF_CLIENT = {"wire", "swarm"}
DHT_MAY_BE_SEEN_BY = {"net", ""}  # of the client
CLIENT_VALUES = {"add_torrent", "torrent_event", "fetch_options"}
# Of the tracker, the client sees the wire formats that both ends share; of the store, its core sees
# the handles of blocks and what became of a piece.
CLIENT_MAY_SEE_OF_TRACKER = {"announce", "udp_protocol"}
SIM_MAY_SEE_OF_TRACKER = CLIENT_MAY_SEE_OF_TRACKER | {"registry"}  # it runs the tracker, too
CLI_MAY_SEE_OF_SIM = {"rollout", "report"}
CORE_MAY_SEE_OF_STORE = {"block_buffer", "store_outcome"}

# Core: state machines and formats. What of `torrent` works with files is named here: the creator, which
# has threads too, and the loading and saving of one .torrent.
NOT_CORE = re.compile(r"^torrent/(create\w*|hash_files|hash_stream|source_file|verify|write_file|metainfo_file)\.[ch]pp$")
CORE = re.compile(r"^(torrent/[^/]+|client/(wire|swarm)/.+|(dht|sim)/.+"
                  r"|tracker/(announce|udp_protocol|registry)\.[ch]pp)$")
# Headers that others include: none may show Asio.
INTERNAL = re.compile(r"^client/(link|net|torrents)/|^tracker/http_connections\.|^tests/|^bench/|^cli/|^cmake/")

SHELL_HEADERS = re.compile(
    r"^(boost/(asio|beast)(/|\.hpp)|spdlog/|thread$|mutex$|shared_mutex$|condition_variable$|future$"
    r"|filesystem$|fstream$|semaphore$|latch$|barrier$|stop_token$"
    r"|sys/socket\.h$|netinet/|arpa/inet\.h$|unistd\.h$|fcntl\.h$|pthread\.h$)")
ASIO = re.compile(r"^boost/(asio|beast)(/|\.hpp)")
IMPURE = re.compile(
    r"\bnow\s*\(\s*\)|\brandom_device\b|\bgettimeofday\s*\(|\bclock_gettime\s*\(|\bgetrandom\s*\("
    r"|\bgetentropy\s*\(|(?<![\w.>])(?:std::)?(?:rand|srand|time)\s*\(|\bRAND_bytes\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
SOURCE = (".cpp", ".hpp", ".h", ".cc", ".inl", ".py", ".sh")
MAX_LINES = 700
SKIPPED_FOLDERS = {".git", "build", ".cache", "__pycache__", "corpus", "fixtures"}


def code_of(text):
    """The text without comments and the contents of strings, its lines kept in place."""
    def blank(match):
        found = match.group(0)
        if found.startswith('R"') or found[0] in "\"'":
            return '""' + "\n" * found.count("\n")
        return " " + "\n" * found.count("\n")

    return re.sub(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
                  r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'", blank, text, flags=re.S)


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def client_part(path):
    """client/swarm/peer.hpp -> swarm; client/add_torrent.hpp -> values; client/client.hpp -> the empty string."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else "values" if stem(path) in CLIENT_VALUES else ""


def arrow(path, included):
    """Why the file must not include that header of ours, or None."""
    folder, target = path.split("/")[0], included.split("/")[0]
    if folder not in MAY_INCLUDE or target not in MAY_INCLUDE:
        return None
    if target not in MAY_INCLUDE[folder]:
        return f"{folder} must not know {target}"
    if target == "chunkstore" and CORE.match(path) and stem(included) not in CORE_MAY_SEE_OF_STORE:
        return "of the store the core sees its values only"
    if folder == "sim":
        if target == "client" and client_part(included) not in SIM_MAY_SEE_OF_CLIENT:
            return f"sim must not know {included}"
        if target == "tracker" and stem(included) not in SIM_MAY_SEE_OF_TRACKER:
            return "of the tracker the simulator sees the wire formats and the registry only"
        return None
    if folder != "client":
        if folder == "cli" and re.match(r"client/(link|net|torrents|wire)/", included):
            return "cli sees public headers only"
        if folder == "cli" and included.startswith("sim/") and stem(included) not in CLI_MAY_SEE_OF_SIM:
            return "of the simulator cli sees predictions and their reports only"
        return None
    part = client_part(path)
    if target == "client" and client_part(included) not in CLIENT_PARTS.get(part, {part}):
        return f"client/{part} must not know {included}"
    if target == "dht" and part not in DHT_MAY_BE_SEEN_BY:
        return f"client/{part} must not know dht"
    if target == "tracker" and stem(included) not in CLIENT_MAY_SEE_OF_TRACKER:
        return "of the tracker the client sees the wire formats only"
    return None


def check_cpp(path, text):
    core = CORE.match(path) is not None and NOT_CORE.match(path) is None
    public = path.endswith((".hpp", ".h")) and INTERNAL.match(path) is None
    code = code_of(text)
    for number, (line, bare) in enumerate(zip(text.split("\n"), code.split("\n")), 1):
        # The raw line: in the bare one the name in quotes is gone. The bare one: no comment.
        include = INCLUDE.match(line) if bare.lstrip().startswith("#") else None
        if include:
            name = include.group(1) or include.group(2)
            if core and SHELL_HEADERS.match(name):
                yield number, f"core file includes <{name}>"
            elif public and ASIO.match(name):
                yield number, f"public header includes <{name}>"
            if name.startswith("../") or name.startswith("./"):
                yield number, f"include rooted elsewhere than at the repository: {name}"
            reason = arrow(path, name)
            if reason:
                yield number, f"includes {name}: {reason}"
        elif core:
            impure = IMPURE.search(bare)
            if impure:
                yield number, f"core file calls {impure.group(0).strip()}"


def check(root):
    """All violations below root, as (path, line, text)."""
    seen = 0
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            if not name.endswith(SOURCE):
                continue
            full = os.path.join(folder, name)
            path = os.path.relpath(full, root)
            with open(full, encoding="utf-8", errors="replace") as file:
                text = file.read()
            lines = text.count("\n")
            if lines > MAX_LINES:
                found.append((path, lines, f"{lines} lines, more than {MAX_LINES}"))
            if name.endswith((".cpp", ".hpp", ".h", ".cc", ".inl")):
                seen += path.split("/")[0] in MAY_INCLUDE
                found += [(path, *violation) for violation in check_cpp(path, text)]
    return seen, found


# path, contents, what must be found in it ("" if nothing may be)
CASES = [
    ("torrent/a.hpp", "#include <boost/asio.hpp>\n", "core file includes <boost/asio.hpp>"),
    ("client/wire/a.cpp", "#include <boost/beast/core.hpp>\n", "core file includes"),
    ("client/swarm/a.cpp", "#include <spdlog/spdlog.h>\n", "core file includes"),
    ("client/swarm/b.cpp", "#include <thread>\n", "core file includes <thread>"),
    ("tracker/registry.cpp", "#  include <mutex>\n", "core file includes <mutex>"),
    ("tracker/announce.cpp", "#include <filesystem>\n", "core file includes <filesystem>"),
    ("torrent/b.cpp", "#include <fstream>\n", "core file includes <fstream>"),
    ("client/swarm/c.cpp", "auto t = std::chrono::steady_clock::now();\n", "core file calls now()"),
    ("client/swarm/d.cpp", "std::random_device device;\n", "core file calls random_device"),
    ("dht/a.cpp", "auto t = time(nullptr);\n", "core file calls time("),
    ("torrent/c.cpp", '#include "client/client.hpp"\n', "torrent must not know client"),
    ("torrent/d.cpp", '#include "chunkstore/store.hpp"\n', "torrent must not know chunkstore"),
    ("chunkstore/a.cpp", '#include "client/client.hpp"\n', "chunkstore must not know client"),
    ("chunkstore/b.cpp", '#include "tracker/announce.hpp"\n', "chunkstore must not know tracker"),
    ("tracker/http_server.cpp", '#include "chunkstore/store.hpp"\n', "tracker must not know"),
    ("client/net/a.cpp", '#include "tracker/registry.hpp"\n', "wire formats only"),
    ("client/net/b.cpp", '#include "cli/options.hpp"\n', "client must not know cli"),
    ("client/net/e.cpp", '#include "client/client.hpp"\n', "client/net must not know"),
    ("client/torrent_event.hpp", '#include "client/client.hpp"\n', "client/values must not know"),
    ("sim/a.cpp", '#include "client/link/peer_link.hpp"\n', "sim must not know client/link"),
    ("sim/b.cpp", "#include <fstream>\n", "core file includes <fstream>"),
    ("dht/b.cpp", '#include "client/swarm/swarm.hpp"\n', "dht must not know client"),
    ("sim/c.cpp", '#include "tracker/http_server.hpp"\n', "the registry only"),
    ("client/swarm/p.cpp", '#include "dht/node.hpp"\n', "client/swarm must not know dht"),
    ("cli/d.cpp", '#include "dht/node.hpp"\n', "cli must not know dht"),
    ("client/swarm/o.cpp", '#include "sim/world.hpp"\n', "client must not know sim"),
    ("client/wire/b.cpp", '#include "client/swarm/swarm.hpp"\n', "client/wire must not know"),
    ("client/swarm/e.cpp", '#include "client/link/peer_link.hpp"\n', "client/swarm must not know"),
    ("client/swarm/f.cpp", '#include "client/client.hpp"\n', "client/swarm must not know"),
    ("client/swarm/g.cpp", '#include "chunkstore/store.hpp"\n', "its values only"),
    ("cli/a.cpp", '#include "client/link/peer_link.hpp"\n', "public headers only"),
    ("cli/b.cpp", '#include "sim/world.hpp"\n', "predictions and their reports only"),
    ("client/client.hpp", "#include <boost/asio/io_context.hpp>\n", "public header includes"),
    ("tracker/http_server.hpp", "#include <boost/beast.hpp>\n", "public header includes"),
    ("client/a.cpp", '#include "../torrent/sha.hpp"\n', "rooted elsewhere"),
    ("client/net/long.cpp", "\n" * 701, "more than 700"),
    ("tests/long.py", "\n" * 701, "more than 700"),
    # What is allowed.
    ("client/net/c.cpp", '#include <boost/asio.hpp>\n#include <thread>\nauto t = Clock::now();\n', ""),
    ("client/link/peer_link.hpp", "#include <boost/asio.hpp>\n", ""),
    ("tracker/http_server.cpp", "#include <boost/beast.hpp>\n#include <mutex>\n", ""),
    ("client/net/d.cpp", '#include "tracker/announce.hpp"\n#include "client/swarm/swarm.hpp"\n', ""),
    ("sim/d.cpp", '#include "tracker/registry.hpp"\n#include "client/swarm/swarm.hpp"\n', ""),
    ("sim/e.cpp", '#include "dht/node.hpp"\n', ""),
    ("cli/c.cpp", '#include "sim/rollout.hpp"\n', ""),
    ("client/swarm/h.cpp", '#include "chunkstore/block_buffer.hpp"\n#include <fmt/core.h>\n', ""),
    ("client/swarm/i.cpp", "// time() and now() and random_device\n/* now() */ auto s = \"now()\";\n", ""),
    ("client/swarm/j.cpp", "round_trip_time(peer); peer.time(); deadline_time (x);\n", ""),
    ("client/swarm/k.cpp", "void f(TimePoint now);\nauto t = now + gap(1'000'000);\n", ""),
    ("torrent/create.cpp", "#include <thread>\n#include <fstream>\n", ""),
    ("torrent/metainfo.cpp", "#include <fcntl.h>\n", "core file includes <fcntl.h>"),
    ("torrent/metainfo_file.cpp", "#include <fcntl.h>\n", ""),
    ("client/net/short.cpp", "\n" * 700, ""),
    ("build/release/torrent/x.cpp", "#include <thread>\n", ""),
]


def self_test():
    failures = []
    for path, contents, expected in CASES:
        with tempfile.TemporaryDirectory(prefix="barter-layering-") as root:
            os.makedirs(os.path.dirname(os.path.join(root, path)))
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(contents)
            _, found = check(root)
        texts = [text for _, _, text in found]
        right = any(expected in text for text in texts) if expected else not texts
        if not right:
            failures.append(f"{path} {contents.strip()[:60]!r}: expected {expected!r}, found {texts}")
    return failures


def main():
    failures = self_test()
    for failure in failures:
        print(f"check.py fails its own test: {failure}")
    if failures:
        return 1
    if sys.argv[1:] == ["--self-test"]:
        print(f"{len(CASES)} cases")
        return 0
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    seen, found = check(sys.argv[1])
    for path, line, text in found:
        print(f"{path}:{line}: {text}")
    if not seen:
        print(f"no source files below {sys.argv[1]}")
    print(f"{seen} source files, {len(found)} violations")
    return 1 if found or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
