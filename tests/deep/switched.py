"""A copy of the crate that holds all its mutants at once, each behind a number that the environment chooses.

To build the crate anew for each mutant takes a minute each. So each function gets, before its own body, the
bodies of its mutants:

    fn next(&self) -> usize {
        if crate::mutation::among(17, 18) {
            if crate::mutation::is(17) { return { self.at - 1 }; }
            if crate::mutation::is(18) { return { 0 }; }
        }
        self.at + 1
    }

The crate is built once, and a mutant costs what its tests cost. Mutants that do not compile are found by the
compiler, whose errors have lines, and left out. With the variable MUTANT_LOG the functions that are called
write down their first number: so is known which test program comes to which mutant at all.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from rust_text import Lines, functions, masked

SWITCH = """//! Which mutant is on: the number in the environment variable MUTANT.

use std::sync::atomic::{AtomicU32, AtomicU8, Ordering::Relaxed};

static CHOSEN: AtomicU32 = AtomicU32::new(UNREAD);
static SEEN: [AtomicU8; COUNT] = [const { AtomicU8::new(0) }; COUNT];
const COUNT: usize = @COUNT@;
const UNREAD: u32 = u32::MAX;
const NONE: u32 = u32::MAX - 1;
const LOG: u32 = u32::MAX - 2;

pub const fn is(number: u32) -> bool {
    std::intrinsics::const_eval_select((number, number), never, asked)
}
pub const fn among(first: u32, last: u32) -> bool {
    std::intrinsics::const_eval_select((first, last), never, asked)
}
const fn never(_: u32, _: u32) -> bool {
    false
}
fn asked(first: u32, last: u32) -> bool {
    match CHOSEN.load(Relaxed) {
        UNREAD => {
            read();
            asked(first, last)
        }
        LOG => {
            if SEEN[first as usize].swap(1, Relaxed) == 0 {
                note(first);
            }
            false
        }
        chosen => first <= chosen && chosen <= last,
    }
}
#[cold]
fn read() {
    CHOSEN.store(NONE, Relaxed); // what is called from here is asked as well
    let number = std::env::var("MUTANT").ok().and_then(|text| text.parse().ok());
    let log = std::env::var_os("MUTANT_LOG").map(|_| LOG);
    CHOSEN.store(number.or(log).unwrap_or(NONE), Relaxed);
}
#[cold]
fn note(number: u32) {
    use std::io::Write;
    let Some(path) = std::env::var_os("MUTANT_LOG") else { return };
    if let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(path) {
        let _ = file.write_all(format!("{number}\\n").as_bytes());
    }
}
"""


class Mutant:
    """One change: `span` of the text of `file` becomes `new`. `key` names it, whatever its line is.

    What does not compile with `new` is tried with the others, one after the other.
    """

    def __init__(self, file, span, new, what, others=()):
        self.file, self.span, self.new, self.what, self.others = file, span, new, what, list(others)
        self.key = self.line = self.function = self.number = self.hash = None
        self.viable, self.reason, self.programs, self.tried = True, "", [], 0


def place_in_functions(root, mutants):
    """Gives each mutant its function, its key, and a hash of all that its result depends on."""
    known, seen = {}, {}
    for mutant in mutants:
        if mutant.file not in known:
            text = (root / mutant.file).read_text()
            known[mutant.file] = (text, Lines(text), functions(masked(text)))
        text, lines, found = known[mutant.file]
        mutant.line, mutant.text = lines.line(mutant.span[0]), text
        around = [one for one in found if one[2] <= mutant.span[0] and mutant.span[1] <= one[3] + 1]
        mutant.function = around[0] if around else None
        base = f"{mutant.file}: {mutant.what}"
        seen[base] = seen.get(base, 0) + 1
        mutant.key = base if seen[base] == 1 else f"{base} ({seen[base]})"
        start, end = (mutant.function[1], mutant.function[3]) if mutant.function else mutant.span
        mutant.hash = hashlib.sha256((text[start:end] + mutant.key).encode()).hexdigest()[:16]
    for number, mutant in enumerate(mutants):
        mutant.number = number


# Bodies of one function are of one type: an iterator that has no name is boxed.
IMPL = re.compile(r"-> impl Iterator<(.*?)>\s*(\+\s*use<>)?\s*$", re.S)
BOX = "Box::new({%s\n})"


def boxed_iterator(found):
    lifetime = "'static" if found[2] else "'_"
    return f"-> Box<dyn Iterator<{found[1]}> + {lifetime}> "


def bodies(text, function, mutants, shape):
    """What stands before a function's own body, and for each of its lines the mutant of that line."""
    _, _, brace, end = function
    first, last = mutants[0].number, mutants[-1].number
    lines = [(f" if crate::mutation::among({first}, {last}) {{", None)]
    for mutant in mutants:
        start, stop = mutant.span
        body = text[brace + 1:start] + mutant.new + text[stop:end] if start > brace else mutant.new
        copy = f"if crate::mutation::is({mutant.number}) {{ return {shape % body}; }}"
        lines += [(line, mutant) for line in copy.split("\n")]
    return lines + [("}", None)]


def switched(text, mutants):
    """The text with all these mutants in it, and for each of its lines the mutant, or the function."""
    chosen = {}
    for mutant in mutants:
        if mutant.viable and mutant.function:
            chosen.setdefault(mutant.function, []).append(mutant)
    out, owners, at = "", {}, 0
    for function in sorted(chosen, key=lambda one: one[2]):
        start, brace, end = function[1:]
        header, boxed = IMPL.subn(boxed_iterator, text[start:brace])
        out += text[at:start] + header + "{"
        line = out.count("\n") + 1
        added = bodies(text, function, chosen[function], BOX if boxed else "{%s\n}")
        for offset, (_, mutant) in enumerate(added):
            owners[line + offset] = [mutant] if mutant else []
        out += "\n".join(line for line, _ in added)
        start = out.count("\n") + 1
        out += (BOX % text[brace + 1:end]) if boxed else text[brace + 1:end]
        for place in range(start + 1, out.count("\n") + 2):
            owners[place] = list(chosen[function])  # the function's own body: all of them are to blame
        at = end
    return out + text[at:], owners


class Copy:
    """The scratch copy of a work tree, and its builds."""

    def __init__(self, root, scratch, features, rustflags=""):
        self.root, self.dir = root, scratch / "copy"
        self.target = scratch / ("build-" + re.sub(r"\W", "", features + rustflags))
        self.features, self.rustflags, self.owners, self.gone = features, rustflags, {}, set()
        self.said = ""

    def fill(self, mutants):
        """Brings the work tree into the copy, with all viable mutants; files that stay are not touched."""
        names = subprocess.run(["git", "ls-files", "-z", "-c", "-o", "--exclude-standard"], cwd=self.root,
                               capture_output=True, check=True).stdout.decode().split("\0")
        tops = ("src/", "tests/", "benches/", "examples/", "fuzz/corpus/", "Cargo.", "README.md", "CHANGELOG.md")
        of_file = {}
        for mutant in mutants:
            of_file.setdefault(mutant.file, []).append(mutant)
        for name in names:
            if name.startswith(tops) and (self.root / name).is_file():
                data = (self.root / name).read_bytes()
                if name in of_file:
                    # The text as it was read first: somebody may work in this tree meanwhile.
                    text, self.owners[name] = switched(of_file[name][0].text, of_file[name])
                    data = text.encode()
                self.put(name, self.changed(name, data))
        self.put("src/mutation.rs", SWITCH.replace("@COUNT@", str(len(mutants) + 1)).encode())

    def fill_with(self, mutant):
        """Brings the work tree into the copy, with this mutant instead of what it changes."""
        self.fill([])
        start, end = mutant.span
        self.put(mutant.file, (mutant.text[:start] + mutant.new + mutant.text[end:]).encode())

    @staticmethod
    def changed(name, data):
        if name == "Cargo.toml":
            text = re.sub(r"(?ms)^\[lints\..*?(?=^\[(?!lints))", "", data.decode())
            return (text + "\n[profile.dev.package.proptest]\nopt-level = 2\n").replace(
                'debug = "line-tables-only"', "debug = 0").encode()
        if name == "src/lib.rs":
            head = "#![feature(core_intrinsics, const_eval_select)]\n#![allow(internal_features, warnings)]\n"
            text = data.decode()
            first = re.search(r"(?m)^(?!//!)", text).start()
            return (text[:first] + head + text[first:] + "#[doc(hidden)] pub mod mutation;\n").encode()
        return data

    def put(self, name, data):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)
            if shutil.which("chmod") and os.access(self.root / name, os.X_OK):
                path.chmod(0o755)

    def cargo(self, words):
        """cargo's messages, one object each."""
        env = dict(os.environ, CARGO_TARGET_DIR=str(self.target), CARGO_INCREMENTAL="1",
                   RUSTC_BOOTSTRAP="singletrack", RUSTFLAGS=self.rustflags)
        run = subprocess.run(["cargo", *words, "--message-format=json", *self.features.split()],
                             cwd=self.dir, env=env, capture_output=True, text=True)
        found = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        return run.returncode == 0, found, run.stderr

    def sift(self, mutants, note):
        """Leaves out the mutants that do not compile, until the rest does; calls `note` after each attempt."""
        step = "check"  # which is quicker, and does not find all
        for turn in range(40):
            self.fill(mutants)
            done, messages, said = self.cargo([step, "--lib"])
            if done and step == "build":
                return
            if done:
                step = "build"
                continue
            errors = [one["message"] for one in messages
                      if one["reason"] == "compiler-message" and one["message"]["level"] == "error"]
            self.gone = set()
            for error in errors:
                self.blame(error)
            note()
            print(f"  build {turn + 1}: {len(errors)} errors, {len(self.gone)} mutants do not compile", flush=True)
            if not self.gone:
                text = "\n".join(error["rendered"] for error in errors[:5])
                sys.exit(f"the copy does not compile, and no mutant is to blame:\n{text}\n{said[-2000:]}")
        sys.exit("the copy does not compile after forty attempts")

    def blame(self, error):
        """Marks the mutants on whose lines an error is."""
        sharp, whole = {}, {}
        for span in error["spans"]:
            owners = self.owners.get(span["file_name"], {})
            for line in range(span["line_start"], span["line_end"] + 1):
                found = owners.get(line, [])
                (sharp if len(found) == 1 else whole).update(dict.fromkeys(found, span["is_primary"]))
        named = [one for one, primary in sharp.items() if primary] or list(sharp) or list(whole)
        named = [one for one in named if one.viable and one not in self.gone]
        self.gone.update(named)
        code = (error.get("code") or {}).get("code") or "error"
        for mutant in named:
            mutant.tried += 1
            if mutant.others:
                mutant.new = mutant.others.pop(0)
            else:
                mutant.viable, mutant.reason = False, f"{code}: {error['message'].splitlines()[0]}"

    def programs(self, names):
        """Builds these test programs; where each is."""
        return self.built(names) or sys.exit(f"the test programs do not build:\n{self.said[-3000:]}")

    def built(self, names):
        """The same; None if they do not compile."""
        words = [word for name in names for word in (("--lib",) if name == "lib" else ("--test", name))]
        done, messages, self.said = self.cargo(["test", "--no-run", *words])
        if not done:
            return None
        found = {}
        for one in messages:
            if one["reason"] == "compiler-artifact" and one.get("executable") and one["profile"]["test"]:
                kind = "lib" if "lib" in one["target"]["kind"] else one["target"]["name"]
                found[kind] = Path(one["executable"])
        return found
