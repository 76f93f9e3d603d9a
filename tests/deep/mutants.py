#!/usr/bin/env python3
"""Changes the source in one place after another, and counts which changes no test notices.

    tests/deep/mutants.py [all | pure | deletions] [--only PART[,PART]] [--again] [--minutes N] [--list] [--page]

`pure` takes the mutants that cargo-mutants lists for the files of pure_files.txt; `deletions` deletes each
wake, compare of generations, `deregister` and check under an unsafe block (deletions.py), in all of src; `all`
takes both. All mutants are built into one copy of the crate (switched.py), so that each costs only the run
of the test programs that come to it; those outside of functions, in a constant say, are built one by one.
Results are kept in target/mutants under the hash of the function: a run that was interrupted goes on where it
stopped. --again runs survivors once more, --page writes mutants.md from what there is. What cannot be noticed
is argued in argued.txt, one mutant a line.
"""
import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import page
from deletions import deletions, programs as programs_of_deletion
from rust_text import Lines
from switched import Copy, Mutant, place_in_functions

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SCRATCH = Path(os.environ.get("MUTANTS_SCRATCH", ROOT / "target" / "mutants"))
STORE = SCRATCH / "results.json"
MEMORY = 8 << 30
CAUGHT = ("killed", "timed out")


def pure_files():
    """Each pure file with its test programs, in the order of the list."""
    lines = (HERE / "pure_files.txt").read_text().splitlines()
    words = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {first: rest for first, *rest in words}


def of_cargo_mutants(files):
    """The mutants that cargo-mutants would make of these files."""
    words = [word for file in files for word in ("--file", file)]
    run = subprocess.run(["cargo", "mutants", "--list", "--json", *words], cwd=ROOT, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"cargo mutants --list: {run.stderr.strip()}\nIt is had by: cargo install cargo-mutants")
    lines = {file: Lines((ROOT / file).read_text()) for file in files}
    mutants = []
    for one in json.loads(run.stdout):
        file, span = one["file"], one["span"]
        place = lines[file].place
        what = re.sub(r"^\S+?:\d+:\d+: ", "", one["name"])
        mutants.append(Mutant(file, (place(span["start"]), place(span["end"])), one["replacement"], what))
    return mutants


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell starts what is in the background without it


def run_program(path, copy, limit, **env):
    """Runs a test program: how it ended, after how long, and the name of a test that failed."""
    harness = ["-Zunstable-options", "--fail-fast"] if has_harness(path) else []
    env = dict(os.environ, RUSTC_BOOTSTRAP="1", RUST_BACKTRACE="0", PROPTEST_MAX_SHRINK_ITERS="0",
               PROPTEST_DISABLE_FAILURE_PERSISTENCE="true", CARGO_TARGET_DIR=str(copy.target), **env)
    began = time.monotonic()
    run = subprocess.Popen([str(path), *harness], cwd=copy.dir, env=env, text=True,
                           errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limits)
    try:
        said = run.communicate(timeout=limit)[0]
        how = "passed" if run.returncode == 0 else "killed"
    except subprocess.TimeoutExpired:
        how, said = "timed out", ""
    try:
        os.killpg(run.pid, signal.SIGKILL)  # its own session: what it has left behind
    except ProcessLookupError:
        pass
    if how == "timed out":
        said = run.communicate()[0]
    failed = re.search(r"(?m)^test (\S+)(?: - should panic)? \.\.\. FAILED|^(?:FAILED|failed):? (\S+)", said)
    return how, time.monotonic() - began, next((name for name in failed.groups() if name), "") if failed else "", said


def has_harness(path):
    manifest = (ROOT / "Cargo.toml").read_text()
    name = re.sub(r"-[0-9a-f]{16}$", "", path.name)
    block = re.search(rf'name = "{name}"\n(?:path.*\n)?harness = false', manifest)
    return block is None


def baseline(built, copy):
    """How long each program takes without a mutant, and to which functions it comes."""
    facts = {}
    for name, path in built.items():
        log = SCRATCH / f"reached-{name}"
        log.unlink(missing_ok=True)
        run_program(path, copy, 300, MUTANT_LOG=str(log))
        how, seconds, failed, said = run_program(path, copy, 300)
        if how != "passed":
            how, seconds, failed, said = run_program(path, copy, 300)
        reached = {int(line) for line in log.read_text().split()} if log.exists() else set()
        facts[name] = (how, seconds, reached)
        print(f"  {name}: {how} in {seconds:.1f} s, comes to {len(reached)} functions", flush=True)
        if how != "passed":
            print(f"  {name} does not pass without a mutant and is not used:\n{said[-1500:]}", flush=True)
    return facts


def judge(mutant, first, built, facts, copy):
    """What became of a mutant: killed, timed out or survived, and by which test. First with few cases."""
    able = [name for name in mutant.programs if name in facts and facts[name][0] == "passed" and first in facts[name][2]]
    able.sort(key=lambda name: facts[name][1])
    for cases in ("24", "256"):
        for name in able:
            limit = 5 + 4 * facts[name][1]
            how, _, failed, _ = run_program(built[name], copy, limit, MUTANT=str(mutant.number), PROPTEST_CASES=cases)
            if how != "passed":
                return {"result": how, "by": f"{name}: {failed}" if failed else name}
    return {"result": "survived", "by": "" if able else "no test comes here"}


def save(results):
    new = STORE.with_suffix(".new")
    new.write_text(json.dumps(results, indent=0))
    new.replace(STORE)


def first_numbers(mutants):
    """The number under which the function of each mutant writes down that it was called."""
    first = {}
    for mutant in mutants:
        if mutant.viable and mutant.function:
            first.setdefault((mutant.file, mutant.function), mutant.number)
    return first


def run_batch(mutants, todo, features, results, stop):
    """Builds these mutants into one copy, and judges those that are to do."""
    copy = Copy(ROOT, SCRATCH, features)
    began = time.monotonic()

    def note_unviable():
        for mutant in mutants:
            if not mutant.viable:
                old = results.get(mutant.key, {"by": ""})
                results[mutant.key] = {"result": "unviable", "by": mutant.reason or old["by"], "hash": mutant.hash}
            elif mutant.tried:
                kept = results.get(mutant.key, {"result": "not run", "by": "", "hash": mutant.hash})
                results[mutant.key] = dict(kept, new=mutant.new)
        save(results)

    copy.sift(mutants, note_unviable)
    names = sorted({name for mutant in mutants if mutant.viable for name in mutant.programs})
    built = copy.programs(names)
    print(f"  {len(mutants)} mutants and {len(built)} programs built in {time.monotonic() - began:.0f} s", flush=True)
    facts, first = baseline(built, copy), first_numbers(mutants)
    for mutant in todo:
        if time.monotonic() > stop:
            print("the time is up; the next run goes on from here")
            return
        if mutant.viable:
            one = judge(mutant, first[mutant.file, mutant.function], built, facts, copy)
            results[mutant.key] = dict(one, hash=mutant.hash, new=mutant.new)
            if one["result"] not in CAUGHT:
                print(f"{one['result']:9} {mutant.file}:{mutant.line}: {mutant.key} {one['by']}", flush=True)
            save(results)


def run_alone(todo, features, results, stop):
    """Judges mutants outside of functions: a constant has one value, so each of these is built by itself."""
    copy = Copy(ROOT, SCRATCH / "alone", features)
    for mutant in todo:
        if time.monotonic() > stop:
            print("the time is up; the next run goes on from here")
            return
        copy.fill_with(mutant)
        one = {"result": "survived", "by": ""}
        for name in mutant.programs:
            built = copy.built([name])
            if built is None:
                one = {"result": "unviable", "by": ""}
                break
            how, _, failed, _ = run_program(built[name], copy, 120, PROPTEST_CASES="24")
            if how != "passed":
                one = {"result": how, "by": f"{name}: {failed}" if failed else name}
                break
        results[mutant.key] = dict(one, hash=mutant.hash, new=mutant.new)
        print(f"{one['result']:9} {mutant.file}:{mutant.line}: {mutant.key} {one['by']}", flush=True)
        save(results)


def without_answer(mutants, results, again):
    """Those without a result for the function as it stands; `again` asks for the survivors once more."""
    todo = []
    for mutant in mutants:
        one = results.get(mutant.key)
        if not one or one["hash"] != mutant.hash or one["result"] in ("not run", again and "survived"):
            todo.append(mutant)
    return todo


def collect(kind, only):
    """All mutants of a kind in these files, those of a function side by side, each with its test programs."""
    pure = pure_files()
    asked = [file for file in pure if any(part in file for part in only.split(","))]
    mutants = of_cargo_mutants(asked) if kind != "deletions" and asked else []
    for mutant in mutants:
        mutant.programs = pure[mutant.file]
    if kind != "pure":
        for mutant in deletions(ROOT):
            if any(part in mutant.file for part in only.split(",")):
                mutant.programs = sorted({*programs_of_deletion(mutant.file), *pure.get(mutant.file, [])})
                mutants.append(mutant)
    place_in_functions(ROOT, mutants)
    order = {file: number for number, file in enumerate(pure)}
    return sorted(mutants, key=lambda one: (order.get(one.file, len(order)), one.file, one.function or (), one.span))


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("kind", nargs="?", choices=("all", "pure", "deletions"), default="all")
    ask.add_argument("--only", default="", metavar="PART[,PART]", help="files with one of these in their path")
    ask.add_argument("--again", action="store_true", help="run survivors once more")
    ask.add_argument("--minutes", type=float, default=1e6, metavar="N", help="begin no mutant after so long")
    ask.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    ask.add_argument("--page", action="store_true", help="write mutants.md from the results so far")
    args = ask.parse_args()
    os.nice(max(0, 15 - os.nice(0)))
    stop = time.monotonic() + 60 * args.minutes
    SCRATCH.mkdir(parents=True, exist_ok=True)
    results = json.loads(STORE.read_text()) if STORE.exists() else {}
    if args.page:
        every = {kind: collect(kind, "") for kind in ("pure", "deletions")}
        return page.write(HERE, ROOT, every, results)
    mutants = collect(args.kind, args.only)
    if args.list:
        print("\n".join(f"{one.file}:{one.line}: {one.key}" for one in mutants))
        return 0
    for lab, features in ((False, "--no-default-features"), (True, "")):
        batch = [one for one in mutants if one.file.startswith(("src/lab", "src/python")) == lab]
        todo = without_answer(batch, results, args.again)
        for number, mutant in enumerate(batch):
            mutant.number = number
            known = results.get(mutant.key)
            if known and known["hash"] == mutant.hash:
                mutant.viable = known["result"] != "unviable"
                mutant.new = known.get("new", mutant.new)
        print(f"{len(todo)} of {len(batch)} mutants to do with `{features or 'all of the lab'}`", flush=True)
        inside = [one for one in todo if one.function]
        if inside and time.monotonic() < stop:
            run_batch(batch, inside, features, results, stop)
        run_alone([one for one in todo if not one.function], features, results, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
