"""What get calls files on the disk: part names, --output, and disks with rules of their own for names."""

import errno
import hashlib
import multiprocessing
import os
import random
import shutil
import unittest

from harness import BarterTest, free_port
from odd_disk import OddDisk, own_mounts


class Names(BarterTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()

    def torrent(self, files, name="album"):
        """Makes the files, a torrent of them, and a seed of it."""
        for number, (path, size) in enumerate(files):
            self.write(f"from/{name}/{path}" if path else f"from/{name}", random.Random(number).randbytes(size))
        self.good("create", f"from/{name}", "--output", f"{name}.torrent", "--piece-length", "16KiB", "--no-date")
        return self.seed(name)

    def seed(self, name, *arguments):
        running = self.start("seed", f"{name}.torrent", "--dir", "from", "--port", str(self.port), "--json",
                             "--state-dir", self.path("seed-state"), *arguments)
        running.wait_for("listening")
        return running

    def arguments(self, name, *arguments, folder="got"):
        return ["get", f"{name}.torrent", "--dir", folder, "--peer", f"127.0.0.1:{self.port}", *arguments]

    def test_half_a_file_has_no_final_name(self):
        self.torrent([("big", 3_000_000), ("small", 1000)])
        get = self.start(*self.arguments("album", "--json", "--down-limit", "300KB"))
        get.wait_for("first_piece")
        names = sorted(os.listdir(self.path("got/album")))
        self.assertIn("big.part", names)
        self.assertNotIn("big", names)
        get.end()
        self.assertIn("big.part", os.listdir(self.path("got/album")))
        done = self.good(*self.arguments("album", "--json"))
        self.assertLess(done.result["downloaded"], 3_000_000)
        self.assertEqual(sorted(os.listdir(self.path("got/album"))), ["big", "small"])
        self.assertEqual(self.read("got/album/big"), self.read("from/album/big"))
        self.good("verify", "album.torrent", "--dir", "got")

    def test_odd_names_are_found(self):
        names = ["soft\u00adhyphen.pdf", "zero\u200bwidth/Icon", "caf\u00e9"]
        self.torrent([(name, 30_000) for name in names])
        self.good("verify", "album.torrent", "--dir", "from")
        done = self.good(*self.arguments("album", "--json"))
        self.assertEqual(done.result["downloaded"], 90_000)
        self.assertEqual(sorted(os.listdir(self.path("got/album"))), ["caf\u00e9", "softhyphen.pdf", "zerowidth"])
        self.good("verify", "album.torrent", "--dir", "got")
        # As another program would have made them, and a Mac spells them.
        shutil.copytree(self.path("from"), self.path("mac"))
        os.rename(self.path("mac/album/caf\u00e9"), self.path("mac/album/cafe\u0301"))
        done = self.good("verify", "album.torrent", "--dir", "mac", "--json")
        found = {event["path"]: event["disk_path"] for event in [event for event in done.events if event["event"] == "name"]}
        self.assertEqual(found, {"album/softhyphen.pdf": "album/soft\u00adhyphen.pdf",
                                 "album/zerowidth/Icon": "album/zero\u200bwidth/Icon",
                                 "album/caf\u00e9": "album/cafe\u0301"})
        done = self.good(*self.arguments("album", "--json", folder="mac"))
        self.assertEqual(done.result["downloaded"], 0)
        self.assertEqual(self.good("verify", "album.torrent", "--dir", "mac", "--json").result["whole"], True)

    def test_names_that_clients_change(self):
        for name in ("a\\b", "c\nd", "fine"):
            self.write(f"odd\\/{name}", name * 1000)
        done = self.bad(1, "a\\b: ", "create", "odd\\", "--name", "odd", "--output", "odd.torrent")
        self.assertIn("c\\nd: ", done.err)
        self.assertIn("--replace-names", done.err)
        done = self.good("create", "odd\\", "--replace-names", "--output", "odd.torrent", "--json")
        self.assertEqual(done.result["replaced_names"], 3)
        self.assertEqual(done.result["name"], "odd")
        done = self.good("verify", "odd.torrent", "--json")
        self.assertEqual(len([event for event in done.events if event["event"] == "name"]), 3)
        shown = self.good("show", "odd.torrent").out
        self.assertIn("ab", shown)

    def test_links_lead_to_what_is_served(self):
        """As git-annex and caches of models have their files: verify and seed see the same."""
        self.write("blobs/1", random.Random(1).randbytes(100_000))
        self.write("blobs/2", random.Random(2).randbytes(50_000))
        os.makedirs(self.path("from/album"))
        os.symlink(self.path("blobs/1"), self.path("from/album/model.bin"))
        os.symlink("../../blobs/2", self.path("from/album/vocabulary"))
        self.bad(1, "--follow-links", "create", "from/album")
        self.good("create", "from/album", "--follow-links", "--output", "album.torrent")
        self.good("verify", "album.torrent", "--dir", "from")
        self.seed("album")
        self.good(*self.arguments("album"))
        self.assertEqual(self.read("got/album/model.bin"), self.read("blobs/1"))
        self.assertFalse(os.path.islink(self.path("got/album/model.bin")))
        # What is written never goes through one.
        os.makedirs(self.path("trap/album"))
        os.symlink(self.path("victim"), self.path("trap/album/model.bin"))
        self.write("victim", "mine")
        done = self.barter(*self.arguments("album", "--force", folder="trap"))
        self.assertEqual(done.code, 1)
        self.assertIn("symbolic link", done.err)
        self.assertEqual(self.read("victim"), b"mine")

    def test_old_encodings(self):
        name, data = "\u6587\u4ef6".encode("gbk"), random.Random(1).randbytes(30_000)
        pieces = b"".join(hashlib.sha1(data[i:i + 16384]).digest() for i in range(0, len(data), 16384))
        info = b"d6:lengthi30000e4:name%d:%s12:piece lengthi16384e6:pieces%d:%se" % (len(name), name, len(pieces), pieces)
        self.write("said.torrent", b"d8:encoding3:GBK4:info" + info + b"e")
        self.write("silent.torrent", b"d4:info" + info + b"e")
        self.assertIn("\u6587\u4ef6", self.good("show", "said.torrent").out)
        self.assertIn("--encoding", self.good("show", "silent.torrent").out + self.good("show", "silent.torrent").err)
        self.assertEqual(self.good("show", "silent.torrent", "--encoding", "cp936", "--json").result["name"], "\u6587\u4ef6")
        self.bad(2, "known are", "show", "silent.torrent", "--encoding", "klingon")
        # Found as an old program has written it, or a new one.
        os.mkdir(self.path("old"))
        with open(os.path.join(self.path("old").encode(), name), "wb") as file:
            file.write(data)
        self.write("new/\u6587\u4ef6", data)
        for folder in ("old", "new"):
            self.good("verify", "said.torrent", "--dir", folder)
            self.good("verify", "silent.torrent", "--dir", folder, "--encoding", "GBK")
        self.good("verify", "silent.torrent", "--dir", "old")
        running = self.start("seed", "said.torrent", "--dir", "old", "--port", str(self.port), "--json",
                             "--state-dir", self.path("seed-state"))
        running.wait_for("listening")
        done = self.good(*self.arguments("silent", "--encoding", "gbk", "--json"))
        self.assertEqual(self.read("got/\u6587\u4ef6"), data)
        self.assertEqual(os.path.basename(done.result["path"]), "\u6587\u4ef6")

    def test_no_part(self):
        self.torrent([("big", 3_000_000)])
        get = self.start(*self.arguments("album", "--json", "--down-limit", "300KB", "--no-part"))
        get.wait_for("first_piece")
        self.assertEqual(os.listdir(self.path("got/album")), ["big"])
        get.end()

    def test_what_was_put_there_meanwhile_stays(self):
        self.torrent([("big", 2_000_000)])
        get = self.start(*self.arguments("album", "--json", "--down-limit", "1MB"))
        get.wait_for("first_piece")
        self.write("got/album/big", "mine")
        done = get.wait()
        self.assertEqual(done.code, 1)
        self.assertEqual(done.of("error")[0]["code"], "already_exists")
        self.assertEqual(done.of("name")[0]["reason"], "taken")
        self.assertEqual(self.read("got/album/big"), b"mine")
        self.assertEqual(self.read("got/album/big.part"), self.read("from/album/big"))
        self.bad(1, ["big.part", "--force"], *self.arguments("album"))
        self.assertEqual(self.read("got/album/big"), b"mine")
        os.rename(self.path("got/album/big"), self.path("mine"))
        self.assertEqual(self.good(*self.arguments("album", "--json")).result["downloaded"], 0)
        self.assertEqual(self.read("got/album/big"), self.read("from/album/big"))

    def test_a_file_that_is_there_is_named_first(self):
        self.torrent([("big", 300_000)])
        old = bytearray(self.read("from/album/big"))
        old[200_000:200_100] = bytes(100)
        self.write("got/album/big", bytes(old))
        done = self.good(*self.arguments("album"))
        self.assertIn("album/big: is there already, and not whole; it is changed in place", done.err)
        self.assertEqual(self.read("got/album/big"), self.read("from/album/big"))

    def test_output(self):
        self.torrent([("", 200_000)], "disk.img")
        done = self.good(*self.arguments("disk.img", "-o", "vm/mine.img"))
        self.assertEqual(done.out, "got/vm/mine.img\n")
        self.assertEqual(self.read("got/vm/mine.img"), self.read("from/disk.img"))
        # Remembered for the folder in which it is.
        done = self.good(*self.arguments("disk.img", folder="got/vm"))
        self.assertEqual(done.out, "got/vm/mine.img\n")
        self.good("verify", "disk.img.torrent", "--dir", "got/vm")
        again = self.start("seed", "disk.img.torrent", "--dir", "got/vm", "--port", str(free_port()), "--json")
        self.assertEqual(again.wait_for("complete")["path"], "got/vm/mine.img")
        self.bad(1, "--dir", *self.arguments("disk.img", "-o", "vm"))

    def test_output_for_a_folder(self):
        self.torrent([("a", 10), ("b", 10)])
        self.bad(1, ["--output x", "2 files", "--dir"], *self.arguments("album", "--output", "x"))

    def test_odd_disks(self):
        """In a process of its own, whose mounts are its own."""
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(target=self.on_odd_disks, args=(theirs,))
        process.start()
        theirs.close()
        try:
            told = ours.recv()
        except EOFError:
            told = "it ended"
        process.join()
        if told and told.startswith("skipped: "):
            self.skipTest(told)
        self.assertEqual(told, "")

    def on_odd_disks(self, pipe):
        try:
            own_mounts()
            self.case_is_folded()
            self.names_are_refused("odd", errno.EINVAL)
            self.names_are_refused("odd-fuse", errno.ENOENT)  # as exfat-fuse says it
            pipe.send("")
        except unittest.SkipTest as reason:
            pipe.send(f"skipped: {reason}")
        except BaseException as trouble:  # pylint: disable=broad-except
            pipe.send(f"{type(trouble).__name__}: {trouble}")
        finally:
            pipe.close()
            self.doCleanups()
            os._exit(0)

    def case_is_folded(self):
        self.torrent([("Disc/ReadMe.txt", 300_000), ("disc/readme.txt", 200_000), ("c", 100_000)])
        OddDisk(self.path("real"), self.path("got"), fold=str.casefold)
        done = self.good(*self.arguments("album"))
        self.assertIn("readme.1.txt", done.err)
        for name in ("Disc/ReadMe.txt", "disc/readme.1.txt", "c"):
            self.assertEqual(self.read(f"got/album/{name}"), self.read(f"from/album/{name.replace('.1', '')}"), name)
        self.good("verify", "album.torrent", "--dir", "got")
        self.good("verify", "album.torrent", "--dir", "got", "--state-dir", self.path("another"))
        again = self.good(*self.arguments("album", "--json"))
        self.assertEqual((again.result["downloaded"], again.of("name")), (0, []))

    def names_are_refused(self, name, why):
        self.port = free_port()
        self.torrent([("a:b?", 200_000), ("what?/e", 50_000), ("c", 100_000)], name)
        OddDisk(self.path(name + ".real"), self.path(name + ".got"), refusal=why,
                refuses=lambda one: any(c in one for c in '<>:"|?*'))
        done = self.good(*self.arguments(name, folder=name + ".got"))
        self.assertEqual(done.err.count("cannot hold the name"), 2)
        self.assertEqual(self.read(f"{name}.got/{name}/a_b_"), self.read(f"from/{name}/a:b?"))
        self.assertEqual(self.read(f"{name}.got/{name}/what_/e"), self.read(f"from/{name}/what?/e"))
        self.good("verify", f"{name}.torrent", "--dir", name + ".got")


if __name__ == "__main__":
    unittest.main()
