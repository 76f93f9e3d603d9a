//! Python programs with other processes, run for real by the command: they print what CPython prints;
//! a worker that is lost costs its job and is named; nothing hangs, and nobody is left behind.
#![cfg(feature = "cli")]

#[path = "common/command.rs"]
mod command;
#[path = "common/cpython.rs"]
mod cpython;
#[path = "common/skipped.rs"]
mod skipped;

use command::finish;
use cpython::cpython;
use skipped::skipped;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Longer than any of these programs takes on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(120);

fn output(command: &mut Command) -> Output {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap(), &["a program with processes"], PATIENCE)
}

fn run_file(path: &Path) -> Output {
    output(Command::new(env!("CARGO_BIN_EXE_singletrack")).arg("run").arg(path))
}

/// What a program has left: what it printed, what it said on stderr, and its exit code.
struct Left {
    out: String,
    err: String,
    code: Option<i32>,
}

fn left(output: &Output) -> Left {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Left { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code() }
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.py"));
    fs::write(&path, text).unwrap();
    path
}

fn run(name: &str, text: &str) -> Left {
    left(&run_file(&file(name, text)))
}

#[test]
fn programs_with_processes_print_what_cpython_prints() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/processes");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let ours = left(&run_file(&path));
        assert_eq!(ours.code, Some(0), "{}: {}", path.display(), ours.err);
        assert!(!ours.err.contains("OSError"), "{}", ours.err);
        let Some(python) = cpython() else {
            skipped(format_args!("no CPython 3.12 to compare {} with", path.display()));
            continue;
        };
        let theirs = left(&output(Command::new(python).arg(&path)));
        assert_eq!(ours.out, theirs.out, "{}", path.display());
    }
}

/// A result may be there before the thread that has submitted its job runs again.
#[test]
fn a_result_that_comes_before_its_submitter_goes_on_is_not_lost() {
    let text = "from multiprocessing import Pool\ndef main():\n    with Pool(2) as pool:\n        \
                for n in range(150):\n            \
                assert pool.map(str, range(4)) == ['0', '1', '2', '3']\n            \
                assert pool.apply(str, (n,)) == str(n)\n    print('all came')\n\
                if __name__ == '__main__':\n    main()\n";
    for policy in ["free-threaded", "python-3.12"] {
        let path = file(&format!("often-{policy}"), text);
        let mut command = Command::new(env!("CARGO_BIN_EXE_singletrack"));
        let left = left(&output(command.arg("run").arg(&path).args(["--policy", policy])));
        assert_eq!((left.out.as_str(), left.code), ("all came\n", Some(0)), "{}", left.err);
    }
}

const LOSE: &str = "\
import os, time
from multiprocessing import Pool, ProcessError
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
def work(n):
    if n == 2: os._exit(5)
    return n * 10
";

#[test]
fn a_worker_that_exits_breaks_its_executor() {
    let text = format!(
        "{LOSE}with ProcessPoolExecutor(2) as pool:\n    bad = pool.submit(work, 2)\n    \
         try:\n        bad.result()\n    except BrokenProcessPool as e:\n        print(e)\n    \
         try:\n        pool.submit(work, 1)\n    except BrokenProcessPool:\n        print('broken')\n"
    );
    let left = run("broken", &text);
    assert_eq!(left.code, Some(0), "{}", left.err);
    let lines: Vec<&str> = left.out.lines().collect();
    assert!(
        lines[0].starts_with("A process in the process pool was terminated abruptly"),
        "{lines:?}"
    );
    assert!(lines[0].contains("exit code 5"), "{lines:?}");
    assert_eq!(lines[1], "broken");
}

#[test]
fn a_worker_that_exits_costs_a_pool_one_job_which_names_it() {
    let text = format!(
        "{LOSE}with Pool(2) as pool:\n    jobs = [pool.apply_async(work, (n,)) for n in range(5)]\n    \
         for job in jobs:\n        try:\n            print(job.get())\n        \
         except ProcessError as e:\n            print('lost', 'exit code 5' in str(e))\n"
    );
    let left = run("lost", &text);
    assert_eq!(left.out, "0\n10\nlost True\n30\n40\n", "{}", left.err);
    assert_eq!(left.code, Some(0));
}

#[test]
fn an_initializer_that_raises_breaks_the_pool_and_is_told() {
    for (name, pool) in
        [("Pool", "Pool(1, begin)"), ("Executor", "ProcessPoolExecutor(1, initializer=begin)")]
    {
        let text = format!(
            "{LOSE}def begin():\n    raise OSError('no disk')\npool = {pool}\ntry:\n    \
             print(pool.apply(work, (1,)) if hasattr(pool, 'apply') else pool.submit(work, 1).result())\n\
             except (ProcessError, BrokenProcessPool) as e:\n    print(type(e).__name__)\n"
        );
        let left = run(&format!("initializer_{name}"), &text);
        let class = if name == "Pool" { "ProcessError" } else { "BrokenProcessPool" };
        assert_eq!(left.out, format!("{class}\n"), "{}", left.err);
        assert!(left.err.contains("OSError: no disk"), "{}", left.err);
        assert!(!left.err.contains("panicked"), "{}", left.err);
    }
}

#[test]
fn a_worker_whose_threads_wait_for_each_other_is_no_hang() {
    let text = "import threading\nfrom multiprocessing import Pool, ProcessError\n\
                lock = threading.Lock()\nlock.acquire()\ndef work():\n    lock.acquire()\n\
                with Pool(1) as pool:\n    try:\n        pool.apply(work)\n    \
                except ProcessError as e:\n        print('lost')\n";
    let left = run("stuck", text);
    assert_eq!(left.out, "lost\n", "{}", left.err);
    assert!(left.err.contains("deadlock: no thread can go on: main thread"), "{}", left.err);
}

#[test]
fn what_is_left_open_does_not_keep_the_program_and_children_are_waited_for() {
    let text = "import time\nfrom multiprocessing import Pool, Process\ndef late():\n    \
                time.sleep(0.1)\n    print('late')\ndef never():\n    time.sleep(1000)\n\
                pool = Pool(2)\nprint(pool.map(abs, [-1, -2]))\npool.apply_async(never)\n\
                Process(target=never, daemon=True).start()\nProcess(target=late).start()\nprint('end')\n";
    let left = run("open", text);
    assert_eq!(left.out, "[1, 2]\nend\nlate\n", "{}", left.err);
    assert_eq!(left.code, Some(0));
}

#[test]
fn lines_of_many_processes_stay_whole_and_come_behind_what_was_printed_before() {
    let text = "from multiprocessing import Process\ndef work(n):\n    for i in range(200):\n        \
                print(str(n) * 60)\nprint('first')\n\
                all = [Process(target=work, args=(n,)) for n in range(3)]\n\
                for p in all: p.start()\nfor p in all: p.join()\nprint('last')\n";
    let left = run("lines", text);
    let lines: Vec<&str> = left.out.lines().collect();
    assert_eq!((lines[0], lines[lines.len() - 1], lines.len()), ("first", "last", 602));
    for line in &lines[1..601] {
        assert!(["0", "1", "2"].iter().any(|n| *line == n.repeat(60)), "{line}");
    }
}

#[test]
fn a_childs_exception_is_told_under_its_name() {
    let text = "from multiprocessing import Process\ndef work():\n    1 / 0\n\
                p = Process(target=work, name='adder')\np.start()\np.join()\nprint(p.exitcode)\n";
    let left = run("traceback", text);
    assert_eq!((left.out.as_str(), left.code), ("1\n", Some(0)));
    assert!(left.err.starts_with("Process adder:\nTraceback"), "{}", left.err);
    assert!(left.err.ends_with("ZeroDivisionError: division by zero\n"), "{}", left.err);
}

#[test]
fn what_cannot_cross_is_refused_in_cpythons_words() {
    let text = "import threading\nfrom multiprocessing import Pool, Queue\nq = Queue()\n\
                lock = threading.Lock()\nwith Pool(1) as pool:\n    for item in (lock, q):\n        \
                try:\n            pool.apply(id, (item,))\n        except Exception as e:\n            \
                print(type(e).__name__, e)\n";
    let left = run("cannot", text);
    let expected = "TypeError cannot pickle '_thread.lock' object\nRuntimeError Queue objects should \
                    only be shared between processes through inheritance\n";
    assert_eq!(left.out, expected, "{}", left.err);
}

#[test]
fn processes_are_refused_where_there_is_nothing_to_explore() {
    for text in [
        "import multiprocessing\n",
        "from concurrent.futures import ProcessPoolExecutor\n",
        "import concurrent.futures\npool = concurrent.futures.ProcessPoolExecutor(2)\n",
    ] {
        let path = file("refused", text);
        let explore = Command::new(env!("CARGO_BIN_EXE_singletrack"))
            .arg("explore")
            .args(["--policy", "all"])
            .arg(path)
            .output();
        let left = left(&explore.unwrap());
        assert_eq!((left.code, left.out.as_str()), (Some(2), ""), "{}", left.err);
        assert!(
            left.err.contains("processes share nothing, so there is no schedule to explore"),
            "{}",
            left.err
        );
    }
}

#[test]
fn shared_memory_is_refused_with_what_to_write_instead() {
    for (text, what, instead) in [
        ("from multiprocessing import Value\n", "1:1: `multiprocessing.Value`", "through a Queue"),
        (
            "import multiprocessing as mp\nx = mp.Pipe()\n",
            "2:5: `multiprocessing.Pipe`",
            "use a Queue",
        ),
        (
            "import multiprocessing\nmultiprocessing.Event()\n",
            "2:1: `multiprocessing.Event`",
            "a Lock",
        ),
    ] {
        let left = run("memory", text);
        assert_eq!((left.code, left.out.as_str()), (Some(2), ""), "{}", left.err);
        assert!(left.err.contains(what) && left.err.contains(instead), "{}", left.err);
    }
}
