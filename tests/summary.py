"""summary.py FOLDER: sums up the reports of a test run there, *.xml of ctest and *.json of the
interop table, in one line: N passed, N failed, N skipped. Exit code 0 only if nothing failed."""

import glob
import json
import sys
import xml.etree.ElementTree


def from_ctest(path):
    cases = list(xml.etree.ElementTree.parse(path).getroot().iter("testcase"))
    passed = sum(case.get("status") == "run" for case in cases)
    skipped = sum(case.find("skipped") is not None and case.get("status") in ("notrun", "disabled")
                  and "SKIP" in (case.find("skipped").get("message") or "") for case in cases)
    # Whatever is neither, failed: a test whose program is missing is reported as not run.
    return passed, len(cases) - passed - skipped, skipped


def from_interop(path):
    with open(path, encoding="utf-8") as file:
        results = [row["result"] for row in json.load(file)["rows"]]
    passed, failed = results.count("ok"), results.count("failed")
    # A table in which nothing could run is no success.
    return passed, failed + (passed + failed == 0), len(results) - passed - failed


def main():
    folder = sys.argv[1]
    counts = [from_ctest(path) for path in sorted(glob.glob(folder + "/*.xml"))]
    counts += [from_interop(path) for path in sorted(glob.glob(folder + "/*.json"))]
    counts += [(0, 1, 0) for _ in sorted(glob.glob(folder + "/*.failed"))]  # it could not even start
    passed, failed, skipped = (sum(column) for column in zip((0, 0, 0), *counts))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
