#!/usr/bin/env python3
"""Runs every fuzz target for some CPU seconds, one after the other, and adds them to fuzz/ledger.md.

    fuzz/run.py 60                     each target gets 60 CPU seconds more
    fuzz/run.py 300 --in-all           each target gets what it lacks of 300: goes on where it was ended
    fuzz/run.py 60 trace_file wire_values

What it is ended by, Ctrl-C or a reboot, costs the slice of that moment and no more. Finds are printed,
and are then in fuzz/artifacts/TARGET; the exit code is 1 if there are any.
"""

import argparse
import re
import resource
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
LEDGER = FUZZ / "ledger.md"
# Of the clock; a target that waits uses less of the CPU, and has as many slices more.
SLICE_SECONDS = 60
MEMORY_MB = 2048
# A single input that takes longer than this is a find.
TIMEOUT_SECONDS = 25
ROW = re.compile(r"^\| `(\w+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$")
HEAD = """| target | CPU seconds | executions | edges | features |
| --- | --- | --- | --- | --- |
"""


def read_ledger():
    """Each target's row, and the text before and behind the table."""
    text = LEDGER.read_text()
    before, rest = text.split(HEAD)
    rows, lines = {}, rest.splitlines()
    while lines and (row := ROW.match(lines[0])):
        name, *numbers = row.groups()
        rows[name] = [int(number) for number in numbers]
        lines.pop(0)
    if lines and lines[0].startswith("| all |"):
        lines.pop(0)
    return rows, before, lines


def write_ledger(rows, before, behind):
    text = before + HEAD
    for name, numbers in sorted(rows.items()):
        text += f"| `{name}` | " + " | ".join(str(number) for number in numbers) + " |\n"
    seconds, executions = (sum(row[at] for row in rows.values()) for at in (0, 1))
    text += f"| all | {seconds} | {executions} | | |\n" + "".join(line + "\n" for line in behind)
    beside = LEDGER.with_suffix(".new")
    beside.write_text(text)
    beside.rename(LEDGER)


def triple():
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return re.search(r"^host: (.*)$", version, re.M).group(1)


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_slice(target, binary, seconds):
    """One run: CPU seconds, executions, edges, features, and whether something was found."""
    corpus, artifacts = FUZZ / "corpus" / target, FUZZ / "artifacts" / target
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    before = cpu_seconds()
    command = [binary, f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY_MB}",
               f"-timeout={TIMEOUT_SECONDS}", "-print_final_stats=1", "-verbosity=1",
               f"-artifact_prefix={artifacts}/", corpus]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
    used, said = cpu_seconds() - before, ran.stderr.decode(errors="replace")
    executions = re.findall(r"^stat::number_of_executed_units: (\d+)", said, re.M)
    covered = re.findall(r"cov: (\d+) ft: (\d+)", said)
    edges, features = covered[-1] if covered else (0, 0)
    if ran.returncode != 0:
        print(f"\n{target}: a find\n" + said[-3000:], flush=True)
    return [round(used), int(executions[-1]) if executions else 0, int(edges), int(features)], \
        ran.returncode != 0


def run_target(target, binary, wanted):
    """Slices until so many CPU seconds are used, or something is found."""
    left, slices = wanted, 0
    while left > 0 and slices < 3 + 4 * wanted // SLICE_SECONDS:
        numbers, found = run_slice(target, binary, max(2, min(SLICE_SECONDS, left)))
        slices += 1
        left -= max(1, numbers[0])
        rows, before, behind = read_ledger()
        row = rows.setdefault(target, [0, 0, 0, 0])
        rows[target] = [row[0] + numbers[0], row[1] + numbers[1],
                        numbers[2] or row[2], numbers[3] or row[3]]
        write_ledger(rows, before, behind)
        print(f"{target}: {numbers[0]} CPU s, {numbers[1]} executions, edges {numbers[2]}", flush=True)
        if found:
            return True
    return False


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("seconds", type=int, help="CPU seconds for each target")
    arguments.add_argument("targets", nargs="*", help="only these")
    arguments.add_argument("--in-all", action="store_true", help="count what the ledger has already")
    words = arguments.parse_args()
    targets = sorted(file.stem for file in (FUZZ / "fuzz_targets").glob("*.rs"))
    if unknown := sorted(set(words.targets) - set(targets)):
        sys.exit(f"{', '.join(unknown)}: there is no such target; name some of {', '.join(targets)}")
    subprocess.run(["cargo", "+nightly", "fuzz", "build"], check=True, cwd=FUZZ.parent)
    binaries = FUZZ / "target" / triple() / "release"
    rows = read_ledger()[0]
    used = lambda target: rows.get(target, [0])[0]
    found = []
    # Those that had least come first.
    for target in sorted(words.targets or targets, key=used):
        wanted = words.seconds - (used(target) if words.in_all else 0)
        if run_target(target, binaries / target, wanted):
            found.append(target)
    print(f"finds: {', '.join(found) or 'none'}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
