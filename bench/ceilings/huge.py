"""A torrent of terabytes, most of it holes: made, checked, served, and one small file of it fetched."""

import os
import shutil

import contestants
import measure
from links import new_place
from process import Process
from table import Column, print_table
from torrents import Torrent

KIB, MIB = 1 / 1024, 1 << 20
COLUMNS = [Column("wall s", "wall"), Column("CPU s", "cpu"), Column("own MiB", "anon", "{:.1f}", KIB),
           Column("RSS MiB", "rss", "{:.1f}", KIB)]


def make(folder, tib):
    """A folder: one huge file with three islands of data, one small file behind it. Its small file."""
    root = os.path.join(folder, "huge")
    os.makedirs(root)
    size = int(tib * (1 << 40))
    with open(os.path.join(root, "image.raw"), "wb") as file:
        file.truncate(size)
        for at in (0, size // 2 + 12345, size - 5 * MIB):
            file.seek(at)
            file.write(os.urandom(5 * MIB))
    small = os.path.join(root, "small.bin")
    with open(small, "wb") as file:
        file.write(os.urandom(3 * MIB + 7))
    return root, small


def ended(process, seconds):
    """Runs it to its end; its figures."""
    watch = measure.Watch(process.pid, 0.002)
    code = process.wait(seconds)
    watch.stop()
    if code != 0:
        raise AssertionError(process.tail())
    return {"wall": process.seconds, "cpu": process.usage.ru_utime + process.usage.ru_stime,
            "anon": watch.anon, "rss": watch.rss}


def one_round(options, place, root, small):
    results = {}
    path = os.path.join(place.folder, "huge.torrent")
    state = {"HOME": place.folder, "XDG_STATE_HOME": place.folder}

    def command(name, *arguments):
        process = Process(name, [place.barter, *arguments, "--json"], place.folder, env=state)
        results[name] = ended(process, 600)

    command("create", "create", root, "--output", path)
    torrent = Torrent(path)
    command("verify", "verify", path, "--dir", os.path.dirname(root))
    seed = contestants.Barter(place, "seed")
    began = measure.now()
    seed.command("seed", path, "--dir", os.path.dirname(root), "--port", seed.port)
    watch = measure.Watch(seed.process.pid)
    process = seed.process
    contestants.until(lambda: seed.event("listening") and seed.listens(), 600, "listening", process)
    results["seed, until it serves"] = {"wall": measure.now() - began, "cpu": measure.cpu_seconds(process.pid)}
    get = contestants.Barter(place, "get")
    got = os.path.join(place.folder, "got")
    get.get(torrent, got, [seed.endpoint()], "--select", "small.bin", seed=False)
    results["get --select of 3 MiB"] = ended(get.process, 120)
    if not measure.same_bytes(small, os.path.join(got, "huge", "small.bin")):
        raise AssertionError("what arrived is not what was sent")
    watch.stop()
    results["seed, until it serves"] |= {"anon": watch.anon, "rss": watch.rss}
    seed.stop()
    results["create"]["pieces"] = len(torrent.info[b"pieces"]) // 20
    results["create"]["piece_length"] = torrent.piece_length
    return results


def run(options, addresses):
    """Row -> runs."""
    folder = os.path.join(options.work, "huge")
    os.makedirs(folder)
    root, small = make(folder, options.tib)
    results = {}
    for _ in range(options.runs):
        place = new_place(options, addresses)
        try:
            for name, figures in one_round(options, place, root, small).items():
                results.setdefault(name, []).append(figures)
        finally:
            place.close()
    shutil.rmtree(folder)
    return results


def show(options, results):
    made = results["create"][0]
    print(f"\n{options.tib:g} TiB in one file of holes, but for 15 MiB, and a small one: {made['pieces']} pieces of "
          f"{made['piece_length'] // MIB} MiB")
    print_table("barter", COLUMNS, results)
