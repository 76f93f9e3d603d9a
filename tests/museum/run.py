#!/usr/bin/env python3
"""Brings each bug of this museum into a copy of the source, and proves that its test notices.

    tests/museum/run.py [--list] [--only NN[,NN]] [--again]

For each entry: the test passes without the patch; the patch applies; with it the test fails. A
patch that does not compile, and a run that takes too long, are no kills. Results are kept in the
scratch folder (MUSEUM_SCRATCH, else target/museum) under the hash of the entry and of the source, so
that a run that was interrupted goes on where it stopped; --again forgets them. The table in README.md is
written from the results when every entry has one.
"""
import argparse
import hashlib
import json
import os
import re
import signal
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SCRATCH = Path(os.environ.get("MUSEUM_SCRATCH", ROOT / "target" / "museum"))
COPY = SCRATCH / "copy"
LIMIT = 600
FIELDS = ("title", "source", "breaks", "kills", "kind", "teaches")


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
    return head


def tracked():
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [name for name in out.stdout.decode().split("\0") if name]


def copy_tree(names):
    """A fresh file only where the content differs, so that cargo builds no more than it must."""
    for name in names:
        source, target = ROOT / name, COPY / name
        if not source.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            shutil.copyfile(source, target)


def cargo(kills):
    """Runs the tests of some headers, in the copy; how that ended and what it said."""
    tests = [line.split()[3:] for line in kills]
    files = [word for name in sorted({name for name, _ in tests}) for word in ("--test", name)]
    target = os.environ.get("CARGO_TARGET_DIR", str(SCRATCH / "target"))
    env = dict(os.environ, CARGO_TARGET_DIR=target, CARGO_INCREMENTAL="0",
               PROPTEST_FAILURE_PERSISTENCE="off")
    words = ["nice", "-n", "19", "cargo", "test", "--offline", "--no-default-features", "--no-fail-fast",
             *files, "--", "--exact", *(test for _, test in tests)]
    run = subprocess.Popen(words, cwd=COPY, env=env, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, start_new_session=True)
    try:
        text = run.communicate(timeout=LIMIT)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)  # its own session: cargo and the test it started
        run.communicate()
        return "took too long", ""
    return ("ok" if run.returncode == 0 else "failed"), text


def complaint(text):
    """What the failing test said first, in one line."""
    found = re.search(r"panicked at .*\n(.+(?:\n +left: .*\n +right: .*)?)", text)
    return " ".join(found[1].split())[:120] if found else ""


def sound(kills):
    """Which of these tests pass as things are."""
    _, text = cargo(kills) if kills else ("ok", "")
    return {line for line in kills if f"\ntest {line.split()[4]} ... ok\n" in text}


def prove(path, head):
    """What the bug of this entry came to: killed, or why not."""
    applied = subprocess.run(["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "-s", "-i",
                              str(path)], cwd=COPY, capture_output=True)
    if applied.returncode != 0:
        return {"result": "stale: the patch does not apply", "said": ""}
    state, text = cargo([head["kills"]])
    if state == "took too long":
        return {"result": state, "said": ""}
    if state == "ok":
        return {"result": "SURVIVED", "said": ""}
    if "could not compile" in text:
        return {"result": "does not compile", "said": ""}
    if f"\ntest {head['kills'].split()[4]} ... FAILED\n" not in text:
        return {"result": "died without a verdict", "said": complaint(text)}
    return {"result": "killed", "said": complaint(text)}


def identity(path, head, names):
    """A hash of all that the result of an entry depends on."""
    test = f"tests/{head['kills'].split()[3]}.rs"
    parts = ("src/", "tests/common/", "tests/model/", "Cargo.", test)
    whole = hashlib.sha256(path.read_bytes())
    for name in names:
        if name.startswith(parts) and (ROOT / name).is_file():
            whole.update(name.encode() + (ROOT / name).read_bytes())
    return whole.hexdigest()


def table(entries, results):
    """README.md, from its head up to the mark, and the results."""
    rows = ["| no. | bug | went wrong in | breaks | killed by | kind | it said |",
            "| --- | --- | --- | --- | --- | --- | --- |"]
    for path, head in entries:
        one = results[path.name]
        if one["result"] != "killed":
            sys.exit(f"{path.name}: {one['result']}: the table is not written")
        words = head["kills"].split()
        by = f"`{words[-1]}` in `{words[-2]}`"
        said = one["said"].replace("|", "\\|").replace("`", "'")
        rows.append(f"| {path.name[:2]} | [{head['title']}]({path.name}) | {head['source']} | "
                    f"{head['breaks']} | {by} | {head['kind']} | `{said}` |")
    readme = HERE / "README.md"
    text = readme.read_text().split("<!-- table -->")[0]
    new = readme.with_suffix(".new")
    new.write_text(text + "<!-- table -->\n" + "\n".join(rows) + "\n")
    new.replace(readme)


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    ask.add_argument("--only", default="", metavar="NN[,NN]", help="these entries")
    ask.add_argument("--again", action="store_true", help="forget earlier results")
    args = ask.parse_args()
    entries = [(path, entry(path)) for path in sorted(HERE.glob("[0-9][0-9]-*.patch"))]
    only = [number for number in args.only.split(",") if number]
    unknown = [number for number in only if all(path.name[:2] != number for path, _ in entries)]
    if unknown:
        ask.error(f"no entry {', '.join(unknown)}; --list says which there are")
    if args.list:
        for path, head in entries:
            print(f"{path.name[:2]}  {head['title']}  ({head['kills']})")
        return 0
    SCRATCH.mkdir(parents=True, exist_ok=True)
    store = SCRATCH / "results.json"
    results = {} if args.again or not store.exists() else json.loads(store.read_text())
    tops = ("src/", "tests/", "benches/", "examples/", "Cargo.", "README.md")
    names = [name for name in tracked() if name.startswith(tops)]
    keys = {path.name: identity(path, head, names) for path, head in entries}
    todo = [(path, head) for path, head in entries
            if (not only or path.name[:2] in only)
            and results.get(path.name, {}).get("key") != keys[path.name]]
    copy_tree(names)
    passing = sound(sorted({head["kills"] for _, head in todo}))
    for path, head in todo:
        copy_tree(names)
        if head["kills"] in passing:
            one = prove(path, head)
        else:
            one = {"result": "the test does not pass without the patch", "said": ""}
        results[path.name] = dict(one, key=keys[path.name])
        new = store.with_suffix(".new")
        new.write_text(json.dumps(results, indent=1))
        new.replace(store)
        print(f"{path.name[:2]}  {one['result']:8}  {head['title']}: {one['said']}", flush=True)
    copy_tree(names)
    results = {name: one for name, one in results.items() if one["key"] == keys.get(name)}
    bad = [name for name, one in results.items() if one["result"] != "killed"]
    print(f"{len(results) - len(bad)} of {len(entries)} killed")
    if all(path.name in results for path, _ in entries):
        table(entries, results)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
