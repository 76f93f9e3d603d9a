#!/usr/bin/env python3
"""Lines and branches of the pure files that their own test programs come to.

    tests/deep/coverage.py [--part core | lab] [--only PART] [--missed]

Runs the test programs of pure_files.txt under cargo-llvm-cov (nightly: branches need it) and writes
coverage.md. A file is only credited with what any of the listed programs runs, not with the rest of the
suite. --missed prints the lines without a run in the last run.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from mutants import HERE, ROOT, SCRATCH, pure_files

REPORTS = SCRATCH.parent / "coverage"
HEAD = """# Coverage of the pure files

Which lines and branches of the pure files ([pure_files.txt](pure_files.txt)) their own test programs run.
Coverage says what is surely untested, and no more: whether a test would notice a change is what
[mutants.md](mutants.md) says.

```console
$ tests/deep/coverage.py            # needs nightly, and: cargo install cargo-llvm-cov
$ tests/deep/coverage.py --missed   # the lines that nobody runs
```
"""


def cargo_llvm_cov(name, names, features):
    """Runs these programs; what llvm-cov says of them is kept under this name."""
    tests = [word for name in names for word in (("--lib",) if name == "lib" else ("--test", name))]
    env = dict(os.environ, CARGO_INCREMENTAL="0", CARGO_PROFILE_DEV_DEBUG="0")
    REPORTS.mkdir(parents=True, exist_ok=True)
    words = ["cargo", "+nightly", "llvm-cov", "--branch", "--json", "--output-path", str(REPORTS / name),
             "--ignore-run-fail", *features, *tests]
    if subprocess.run(words, cwd=ROOT, env=env).returncode != 0:
        sys.exit("cargo llvm-cov has failed; it is had by: cargo install cargo-llvm-cov")


def reported(files):
    """What the last reports say, by file."""
    found = {}
    for name in ("core", "lab"):
        if (REPORTS / name).exists():
            data = json.loads((REPORTS / name).read_text())["data"][0]
            by_file = {os.path.relpath(one["filename"], ROOT): one for one in data["files"]}
            found |= {file: one for file, one in by_file.items() if file in files and is_lab(file) == (name == "lab")}
    return found


def is_lab(file):
    return file.startswith(("src/lab", "src/python"))


def counted(one):
    """Of a file: lines run and all, branches taken and all. Of a generic function, any copy counts."""
    lines, branches = one["summary"]["lines"], {}
    for first, column, last, end, yes, no, *_ in one["branches"]:
        place = (first, column, last, end)
        branches[place, True] = branches.get((place, True), 0) + yes
        branches[place, False] = branches.get((place, False), 0) + no
    return lines["covered"], lines["count"], sum(map(bool, branches.values())), len(branches)


def missed(one):
    """The lines on which something begins that is never run, and the branches never taken."""
    found = {(segment[0], "not run") for segment in one["segments"] if segment[3] and segment[2] == 0}
    sides = {}
    for first, column, last, end, yes, no, *_ in one["branches"]:
        for side, count in (("never true", yes), ("never false", no)):
            sides[first, side] = sides.get((first, side), 0) + count
    return sorted(found | {place for place, count in sides.items() if not count})


def percent(part, whole):
    return f"{100 * part / whole:.1f}" if whole else ""


def table(files, report):
    lines = ["| file | lines | % | branches | % |", "| --- | --: | --: | --: | --: |"]
    total = [0, 0, 0, 0]
    for file in files:
        if file not in report:
            lines.append(f"| `{file}` | not run | | | |")
        else:
            one = counted(report[file])
            total = [a + b for a, b in zip(total, one)]
            lines.append(f"| `{file}` | {one[1]} | {percent(*one[:2])} | {one[3] or ''} | {percent(*one[2:])} |")
    lines.append(f"| **all** | {total[1]} | {percent(*total[:2])} | {total[3]} | {percent(*total[2:])} |")
    return lines


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--only", default="", metavar="PART", help="files with this in their path")
    ask.add_argument("--missed", action="store_true", help="print what was never run in the last run, and run nothing")
    ask.add_argument("--part", default="", choices=("core", "lab"), help="the runtime alone, or the lab alone")
    args = ask.parse_args()
    os.nice(max(0, 15 - os.nice(0)))
    files = {file: names for file, names in pure_files().items() if args.only in file}
    for name, features in (("core", ["--no-default-features"]), ("lab", [])):
        programs = {one for file, names in files.items() if is_lab(file) == (name == "lab") for one in names}
        if programs and not args.missed and args.part in ("", name):
            cargo_llvm_cov(name, sorted(programs), features)
    report = reported(files)
    if args.missed:
        for file in report:
            text = (ROOT / file).read_text().splitlines()
            for line, what in missed(report[file]):
                print(f"{file}:{line}: {what}: {text[line - 1].strip()}")
        return 0
    print("\n".join(table(files, report)))
    if not args.only:
        head = subprocess.run(["git", "log", "-1", "--format=%h of %ad", "--date=short"], cwd=ROOT,
                              capture_output=True, text=True).stdout.strip()
        (HERE / "coverage.md").write_text(HEAD + f"\nLast run: {head}.\n\n" + "\n".join(table(files, report)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
