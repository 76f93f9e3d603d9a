//! `compare` beside a real Python: what runs without the lock, and who wins therefore.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;
#[path = "common/cpython.rs"]
mod cpython;
#[path = "common/skipped.rs"]
mod skipped;

use command::finish;
use cpython::cpython;
use serde_json::Value;
use singletrack::lab::compare::compute::{Compute, Deflate, HELD_AT_MOST, Hash, Tick};
use singletrack::lab::compare::evidence::{Answer, Evidence};
use skipped::skipped;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);

/// What a program prints; one that hangs is killed and fails the test.
fn output(program: &Path, words: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = finish(command.spawn().unwrap(), words, PATIENCE);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The models that one round of a case was run under, in the order of their names here.
fn round(case: &str, directory: &Path, models: &str) -> Vec<Value> {
    let program = Path::new(env!("CARGO_BIN_EXE_singletrack"));
    let directory = directory.to_str().unwrap();
    let words = ["compare", case, directory, "--rounds", "1", "--workers", "2", "--json"];
    let text = output(program, &[&words[..], &["--model", models]].concat());
    let document: Value = serde_json::from_str(&text).unwrap();
    document["cases"][0]["models"].as_array().unwrap().clone()
}

/// A directory of its own for one test, with some files that cannot be guessed by a compressor.
fn directory(name: &str, files: u64, length: usize) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    for file in 0..files {
        let mut random = singletrack::base::random::SplitMix64::new(file);
        let bytes: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
        fs::write(path.join(file.to_string()), bytes).unwrap();
    }
    path
}

/// Held by what measures or keeps the cores busy, so that tests of this file leave them to each other.
static CORES: Mutex<()> = Mutex::new(());

// --- what runs without the lock ---------------------------------------------------------

/// What a computation does, as its lock sees it.
struct Parts(Vec<&'static str>);

impl Tick for Parts {
    fn tick(&mut self) {
        self.0.push("tick");
    }

    fn native(&mut self, work: &mut dyn FnMut()) {
        self.0.push("native");
        work();
    }
}

fn parts<C: Compute>(work: C) -> (Vec<&'static str>, C::Output) {
    let mut parts = Parts(Vec::new());
    let value = work.compute(&mut parts);
    (parts.0, value)
}

#[test]
fn a_block_is_hashed_without_the_lock_from_the_length_on_from_which_python_does() {
    let hashed = |length| parts(Hash { bytes: vec![7; length] });
    assert_eq!(hashed(HELD_AT_MOST).0, ["tick"]);
    assert_eq!(hashed(HELD_AT_MOST + 1).0, ["native", "tick"]);
    // The SHA-256 of nothing begins so.
    assert_eq!(hashed(0).1, 0xe3b0_c442_98fc_1c14);
}

#[test]
fn a_block_of_any_length_is_compressed_without_the_lock() {
    for length in [0, 1, HELD_AT_MOST, 100_000] {
        let (parts, value) = parts(Deflate { bytes: vec![b'a'; length] });
        assert_eq!(parts, ["native", "tick"]);
        let (packed, sum) = (value >> 32, value as u32);
        assert!((1..200).contains(&packed), "{length} bytes that are all the same: {packed}");
        // Adler-32: one more than the sum of the bytes in its lower half.
        let low = (1 + length as u64 * u64::from(b'a')) % 65_521;
        assert_eq!(u64::from(sum & 0xffff), low, "{length}");
    }
}

/// With a switch interval of an hour, another thread runs only when this one lets go of the lock.
const ASKS_PYTHON: &str = "
import hashlib, sys, threading, time, zlib
sys.setswitchinterval(3600)
def others_run_while(work, length, times):
    block, count, stop = bytes(length), [0], threading.Event()
    def others():
        while not stop.is_set():
            count[0] += 1
            time.sleep(0.0001)
    thread = threading.Thread(target=others)
    thread.start()
    before = count[0]
    for _ in range(times):
        work(block)
    run = count[0] > before
    stop.set()
    thread.join()
    return run
hashed = hashlib.sha256()
print(others_run_while(hashed.update, 2047, 2000), others_run_while(hashed.update, 1 << 20, 40),
      others_run_while(zlib.compress, 1 << 20, 40))
";

#[test]
fn python_itself_says_the_same_where_there_is_one() {
    let Some(python) = cpython() else { return skipped("no CPython 3.12") };
    let _cores = CORES.lock().unwrap_or_else(PoisonError::into_inner);
    let said = output(&python, &["-c", ASKS_PYTHON]);
    assert_eq!(said.trim(), "False True True", "short blocks are hashed with the lock");
}

#[test]
fn what_threads_hash_or_compress_is_done_without_the_lock() {
    let _cores = CORES.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = directory("native-blocks", 5, 1 << 20);
    for case in ["files", "compress"] {
        let models = round(case, &directory, "threads-py3.10");
        let dropped = models[0]["switches"]["voluntary"].as_u64().unwrap();
        assert!(dropped >= 2 * 5, "{case}: once to read, once to work on 1 MiB each: {dropped}");
    }
    fs::remove_dir_all(directory).unwrap();
}

// --- who wins ---------------------------------------------------------------------------

/// Hashes a directory, one file after another and then on two threads; prints both times.
const HASHES: &str = "
import hashlib, os, sys, time
from concurrent.futures import ThreadPoolExecutor
def digest(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
paths = [entry.path for entry in os.scandir(sys.argv[1])]
def alone():
    return [digest(path) for path in paths]
def threads():
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(digest, paths))
for work in alone, threads:
    begun = time.perf_counter()
    work()
    print(time.perf_counter() - begun)
";

/// The rounds of Python and of the command alternate, so that both meet the same machine; each is
/// judged from its own rounds, as the command judges.
#[test]
fn python_and_the_command_agree_whether_threads_hash_a_directory_faster() {
    let Some(python) = cpython() else { return skipped("no CPython 3.12") };
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return skipped("threads gain nothing on one core");
    }
    let _cores = CORES.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = directory("who-wins", 8, 4 << 20);
    let (mut real, mut emulated) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let said = output(&python, &["-c", HASHES, directory.to_str().unwrap()]);
        let times: Vec<f64> = said.lines().map(|line| line.parse().unwrap()).collect();
        real.push((times[1], times[0]));
        let models = round("files", &directory, "sequential,threads-py3.10");
        let wall = |at: usize| models[at]["wall_s"]["median"].as_f64().unwrap();
        emulated.push((wall(1), wall(0)));
    }
    let real = Evidence::of(&real, 1).unwrap();
    let emulated = Evidence::of(&emulated, 1).unwrap();
    eprintln!("threads beside one after another: Python {real:?}, emulated {emulated:?}");
    // Unclear is what a busy machine leaves, and contradicts nothing.
    let answers = [real.answer(), emulated.answer()];
    let differ = answers[0] != answers[1] && !answers.contains(&Answer::Unclear);
    assert!(!differ, "Python {real:?}, emulated {emulated:?}");
    fs::remove_dir_all(directory).unwrap();
}
