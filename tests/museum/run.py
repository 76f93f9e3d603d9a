#!/usr/bin/env python3
"""Brings each bug of this museum into a copy of the source, and proves that its test notices.

    tests/museum/run.py [--list] [--only NN[,NN]] [--again]

For each entry: the test passes without the patch; the patch applies; with it the test fails, three
times of three. A patch that does not compile, and a run that this script has to end, are no kills; a
hang that the test's own watchdog ends is one. Results are kept in the scratch folder (MUSEUM_SCRATCH,
else target/museum), so that a run that was interrupted goes on where it stopped, and one after a change
proves only the entries that the change touches; --again proves all. What cargo builds goes to
CARGO_TARGET_DIR, else to the scratch folder as well. The tables in README.md are written when every
entry has its result.
"""
import argparse
import contextlib
import hashlib
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SCRATCH = Path(os.environ.get("MUSEUM_SCRATCH", ROOT / "target" / "museum"))
COPY = SCRATCH / "copy"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", SCRATCH / "target")).resolve()
LIMIT = 1200  # seconds for one call of cargo, which may have to build everything
TIMES = 3
FIELDS = ("title", "source", "breaks", "kills", "kind", "teaches")
# What stands in `kind`, and what that tool is, in the order of the tables.
TOOLS = {
    "example": "cases made by hand",
    "property": "random cases against a model (proptest)",
    "every order": "every order there is (`sim`, the explorer, searches of our own)",
    "seeds": "the seeds of a fuzz target, replayed",
    "loom": "interleavings of two or three threads (loom)",
    "shuttle": "thousands of interleavings of four threads (shuttle)",
    "kernel": "real sockets, signals and child processes",
    "fork": "real forks and real kills",
    "matrix": "a death at every place of a job, a refusal of every system call (the two matrices)",
    "python": "Python programs, run by the machine that explores them",
    "lab": "the lab's verdicts about rounds whose answer is known",
    "miri": "unsafe code under an interpreter that knows what it may not do (Miri)",
    "source": "rules about the source itself: the compiler, or a test that reads it",
}


def number(path):
    """What stands before the name of an entry, as one types it: 07, 112."""
    return path.name.partition("-")[0]


def entry(path):
    """The header of an entry: `# field: text`, continued by `#   text`."""
    head, last = {}, None
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        found = re.match(r"# (\w+): (.*)", line)
        if found:
            last = found[1]
            head[last] = found[2]
        elif last:
            head[last] += " " + line[1:].strip()
    missing = [field for field in FIELDS if field not in head]
    if missing:
        sys.exit(f"{path.name}: no {', '.join(missing)} in its header")
    if head["kind"] not in TOOLS:
        sys.exit(f"{path.name}: kind {head['kind']}: there are {', '.join(TOOLS)}")
    return head


class Test:
    """What stands after `kills:`, as one would type it:
    [RUSTFLAGS="--cfg loom"] cargo [+nightly miri] test [--release] [--features F] --test FILE TEST"""

    bare = {test["name"]: test.get("path") for test
            in tomllib.loads((ROOT / "Cargo.toml").read_text())["test"] if not test.get("harness", True)}

    def __init__(self, typed):
        words = shlex.split(typed)
        self.flags = words.pop(0).partition("=")[2] if words[0].startswith("RUSTFLAGS=") else ""
        self.cargo, self.file, self.name = words[:-3], words[-2], words[-1]
        self.source = self.bare.get(self.file) or f"tests/{self.file}.rs"

    def words(self):
        """Its call of cargo. The command and its dependencies are left out unless they are asked for:
        no patch of the runtime needs them, and each would wait for them."""
        exact = [self.name] if self.file in self.bare else ["--exact", self.name, "--nocapture"]
        return [*self.cargo, "--offline", "--no-default-features", "--test", self.file, "--", *exact]

    def target(self):
        """What is built in another way is built in another place."""
        return TARGET / (self.flags.split()[-1] if self.flags else "miri" if "miri" in self.cargo else "")

    def run(self):
        """How it ended (passed, failed, or why neither), and what it said."""
        # Incremental: every patch changes a few lines of the same crate.
        env = dict(os.environ, CARGO_TARGET_DIR=str(self.target()), CARGO_INCREMENTAL="1",
                   CARGO_PROFILE_RELEASE_LTO="off", CARGO_PROFILE_RELEASE_CODEGEN_UNITS="16",
                   CARGO_PROFILE_RELEASE_OPT_LEVEL="1", CARGO_TERM_COLOR="never", RUST_BACKTRACE="0",
                   MIRIFLAGS="-Zmiri-disable-isolation")
        if self.flags:
            env["RUSTFLAGS"] = self.flags
        # Into a file: a pipe would be waited for as long as a process that a bug leaves behind has it.
        with (SCRATCH / "said").open("w+b") as said:
            run = subprocess.Popen(["nice", "-n", "15", *self.words()], cwd=COPY, env=env, stdout=said,
                                   stderr=subprocess.STDOUT, start_new_session=True)
            try:
                code = run.wait(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                code = None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)  # its own session: whatever is left of it
            run.wait()
            said.seek(0)
            text = said.read().decode(errors="replace")
        if code is None:
            return "took too long", text
        if "could not compile" in text:
            return "does not compile", text
        if code == 0:
            known = "1 passed" in text or f"test {self.name} ... ok" in text
            return ("passed" if known else "there is no such test"), text
        # A test may end its whole process, by a watchdog or by a second panic, and leave it at that.
        noticed = ("panicked at", f"test {self.name} ... HANGS", f"test {self.name} ... FAILED",
                   "watchdog: ", "Undefined Behavior: ", "left behind: ")
        return ("failed" if any(word in text for word in noticed) else "no verdict"), text


def complaint(text):
    """What the failing test said, in one short line: the shrunk case, or its last panic, or else what
    stands there when none is left to say it."""
    shrunk = re.search(r"^Test failed: (.*?)(?:\.?\s*minimal failing input|\Z)", text, re.M | re.S)
    if shrunk:
        return tidy(shrunk[1])
    panics = re.findall(r"panicked at [^\n]*\n(.*?)(?=\nnote: |\nstack backtrace|\nthread |\ntest |\n\n|\Z)",
                        text, re.S)
    panics = [said for said in panics if "destructor" not in said and "cannot unwind" not in said]
    other = re.search(r"watchdog: .*|test \S+ \.\.\. HANGS|Undefined Behavior: .*|left behind: .*|"
                      r"--cell .*|test \S+ \.\.\. FAILED", text)
    return tidy(panics[-1] if panics else other[0] if other else "")


def tidy(said):
    """Without what says nothing: which macro, which line, which folder."""
    said = said.replace(f"{SCRATCH}/", "")
    for old, new in ((r"assertion (?:failed: )?[`'(]*left == right[`')]* ?(?:failed:?)?", ""),
                     (r"assertion failed: ", "not: "), (r" at (?:tests|src)/\S+\.rs:\d+", ""),
                     (r"; threads = .*", ""), (r"/\S*/copy/", ""), (r"`", ""), (r"\s+", " "),
                     (r"(left: .*?),? right: ", r"\1, right: "), (r"^[ .:]+|[ .:]+$", "")):
        said = re.sub(old, new, said)
    return said if len(said) <= 110 else said[:107].rstrip() + " …"


def tracked():
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    tops = ("src/", "tests/", "benches/", "examples/", "fuzz/corpus/", "Cargo.", "README.md")
    return [name for name in out.stdout.decode().split("\0") if name.startswith(tops)]


def copy_tree(names):
    """A fresh file only where the content differs, so that cargo builds no more than it must."""
    for name in names:
        source, target = ROOT / name, COPY / name
        if not source.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            shutil.copyfile(source, target)


def prove(path, test):
    """What the bug of this entry came to: killed, or why not; and what the test said."""
    applied = subprocess.run(["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "-s", "-i",
                              str(path)], cwd=COPY, capture_output=True)
    if applied.returncode != 0:
        return "stale: the patch does not apply", ""
    for time in range(1, TIMES + 1):
        state, text = test.run()
        if state != "failed":
            result = "SURVIVED" if state == "passed" else state
            return (result if time == 1 else f"{result} in run {time} of {TIMES}"), complaint(text)
    return "killed", complaint(text)


def digest(start, names, parts):
    """A hash of `start` and of all files whose names start with one of `parts`."""
    whole = hashlib.sha256(start.encode())
    for name in names:
        if name.startswith(parts) and (ROOT / name).is_file():
            whole.update(name.encode() + (ROOT / name).read_bytes())
    return whole.hexdigest()


SHARED = ("tests/common/", "tests/model/", "tests/process_pool/", "Cargo.lock")


def identity(path, test, names):
    """A hash of what the result of an entry depends on most: the change, the files that it changes, and
    its test with what all tests share. (It depends on the rest of the source as well: `--again`.)"""
    change = path.read_text()[path.read_text().index("\n--- a/"):]
    changed = re.findall(r"^\+\+\+ b/(\S+)", change, re.M)
    return digest(test.name + change, names, (*changed, *SHARED, test.source))


def tables(entries, results):
    """How many each tool caught, and a table for each tool."""
    lines, summary = [], ["| tool | caught |", "| --- | --- |"]
    for kind, tool in TOOLS.items():
        mine = [(path, head) for path, head in entries if head["kind"] == kind]
        if not mine:
            continue
        summary.append(f"| {tool} | {len(mine)} |")
        lines += ["", f"## {tool[0].upper()}{tool[1:]}", "",
                  "| no. | bug | went wrong in | breaks | killed by | it said |",
                  "| --- | --- | --- | --- | --- | --- |"]
        for path, head in mine:
            test = Test(head["kills"])
            said = results[path.name]["said"].replace("|", "\\|")
            lines.append(f"| {number(path)} | [{head['title']}]({path.name}) | {head['source']} | "
                         f"{head['breaks']} | `{test.name}` in `{test.source[6:-3]}` | `{said}` |")
    return [*summary, f"| all | {len(entries)} |", *lines]


def write_readme(entries, results):
    """README.md, from its head up to the mark, and the results."""
    readme = HERE / "README.md"
    text, mark, _ = readme.read_text().partition("<!-- tables: written by run.py -->\n")
    new = readme.with_suffix(".new")
    new.write_text(text + mark + "\n".join(tables(entries, results)) + "\n")
    new.replace(readme)


class Results:
    """What is known of each entry, and of each test without any patch; on disk after each."""

    def __init__(self, forget):
        self.path = SCRATCH / "results.json"
        self.all = {} if forget or not self.path.exists() else json.loads(self.path.read_text())

    def get(self, name, key):
        one = self.all.get(name)
        return one if one and one["key"] == key else None

    def note(self, name, key, result, said=""):
        self.all[name] = {"result": result, "said": said, "key": key}
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.all, indent=1))
        new.replace(self.path)
        return self.all[name]


def without_a_patch(kills, names, results):
    """How a test ends as things are."""
    key = digest(kills, names, ("src/", *SHARED, Test(kills).source))
    known = results.get(kills, key)
    if known is None or known["result"] != "passed":
        known = results.note(kills, key, Test(kills).run()[0])
        if known["result"] != "passed":
            print(f"without a patch: {known['result']}: {kills}", flush=True)
    return known["result"]


def prove_all(todo, names, results):
    """First every test without any patch, then each with its own; what is built alike together."""
    def built(one):
        test = Test(one[1]["kills"])
        return test.flags, test.cargo

    for _, group in itertools.groupby(sorted(todo, key=built), key=built):
        group = list(group)
        copy_tree(names)
        before = {head["kills"]: without_a_patch(head["kills"], names, results) for _, head in group}
        for path, head in group:
            copy_tree(names)
            test, result, said = Test(head["kills"]), f"without the patch: {before[head['kills']]}", ""
            if before[head["kills"]] == "passed":
                result, said = prove(path, test)
            results.note(path.name, identity(path, test, names), result, said)
            print(f"{number(path)}  {result}  {head['title']}: {said}", flush=True)
    copy_tree(names)


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    ask.add_argument("--only", default="", metavar="NN[,NN]", help="these entries")
    ask.add_argument("--again", action="store_true", help="forget earlier results")
    args = ask.parse_args()
    paths = sorted(HERE.glob("[0-9]*-*.patch"), key=lambda path: int(number(path)))
    entries = [(path, entry(path)) for path in paths]
    only = [wanted for wanted in args.only.split(",") if wanted]
    unknown = sorted(set(only) - {number(path) for path, _ in entries})
    if unknown:
        ask.error(f"no entry {', '.join(unknown)}; --list says which there are")
    if args.list:
        for path, head in entries:
            print(f"{number(path)}  {head['title']}  ({head['kind']}: {head['kills']})")
        return 0
    SCRATCH.mkdir(parents=True, exist_ok=True)
    names = tracked()
    results = Results(args.again)

    def known():
        found = {path.name: results.get(path.name, identity(path, Test(head["kills"]), names))
                 for path, head in entries}
        return {name: one for name, one in found.items() if one}

    killed = [name for name, one in known().items() if one["result"] == "killed"]
    prove_all([(path, head) for path, head in entries if path.name not in killed
               and (not only or number(path) in only)], names, results)
    proved = known()
    bad = sorted(name for name, one in proved.items() if one["result"] != "killed")
    print(f"{len(proved) - len(bad)} of {len(entries)} killed")
    for name in bad:
        print(f"{name}: {proved[name]['result']}")
    if len(proved) == len(entries) and not bad:
        write_readme(entries, proved)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
