//! What the fuzz targets check, on any toolchain: the seeds of every target, for what was found once
//! stays found; and random bytes for those that no other test feeds.

#[cfg(feature = "cli")]
#[path = "common/answers_check.rs"]
mod answers_check;
#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/frame_ops.rs"]
mod frame_ops;
#[path = "common/future_ops.rs"]
mod future_ops;
#[path = "common/gil_check.rs"]
mod gil_check;
#[path = "common/hostile_worker.rs"]
mod hostile_worker;
#[cfg(feature = "cli")]
#[path = "common/http_check.rs"]
mod http_check;
#[cfg(feature = "python")]
#[path = "common/image_check.rs"]
mod image_check;
#[path = "common/memory.rs"]
mod memory;
mod model;
#[path = "common/pool_ops.rs"]
mod pool_ops;
#[cfg(feature = "python")]
#[path = "common/python_check.rs"]
mod python_check;
#[path = "common/seeds.rs"]
mod seeds;
#[cfg(feature = "cli")]
#[path = "common/text_check.rs"]
mod text_check;
#[cfg(feature = "cli")]
#[path = "common/trace_check.rs"]
mod trace_check;
#[path = "common/vm_check.rs"]
mod vm_check;
#[path = "common/wire_check.rs"]
mod wire_check;
#[cfg(feature = "cli")]
#[path = "common/words_check.rs"]
mod words_check;

use cases::cases;
use proptest::prelude::*;
use singletrack::base::id::Key;
use singletrack::process::message::call::greeting;
use singletrack::process::message::frame::{FrameKind, frame};
use singletrack::process::pool::dispatcher::{Action, Dispatcher, Settings};
use singletrack::process::pool::job::{PoolJob, Terms};
use singletrack::process::pool::replies::ReplyReader;
use std::collections::BTreeSet;

/// A target's name, and what it checks.
type Target = (&'static str, fn(&[u8]));

const LOOP: &[Target] = &[
    ("backend_diff", model::backends::check_bytes),
    ("future_ops", future_ops::run),
    ("registry_ops", model::registry::check_bytes),
    ("sim_orders", model::orders::check_bytes),
    ("stream_reader", model::streams::check_bytes),
    ("sync_prims", |bytes| {
        model::sync::check_bytes(bytes);
        model::queue::check_queue_bytes(bytes);
    }),
    ("task_ops", model::tasks::check_bytes),
    ("timer_ops", model::timers::check_bytes),
];

const LOCK: &[Target] = &[
    ("assembler_text", |bytes| text(bytes, vm_check::check_any_text)),
    ("gil_schedule", gil_check::check_any_schedule),
    ("vm_verify_run", vm_check::check_any_bytes),
    ("world_ops", model::world::check_bytes),
];

const PROCESSES: &[Target] = &[
    ("frame_decode", frame_ops::frame_check::check_any_bytes),
    ("frame_roundtrip", frame_ops::run),
    ("hostile_worker", hostile_worker::run),
    ("pool_ops", pool_ops::run),
    ("wire_values", wire_check::check_any_value),
];

#[cfg(feature = "python")]
const PYTHON: &[Target] = &[
    ("python_explore", python_check::check_any_threads),
    ("python_front", |bytes| text(bytes, python_check::check_any_source)),
    ("python_image", image_check::check_any_image),
];

#[cfg(feature = "cli")]
const LAB: &[Target] = &[
    ("answers", |bytes| text(bytes, answers_check::check_any_answers)),
    ("command_line", words_check::check_any_words),
    ("http_answer", http_check::check_any_answer),
    ("quantities", |bytes| text(bytes, text_check::check_any_quantity)),
    ("step_file", |bytes| text(bytes, text_check::check_any_steps)),
    ("trace_file", trace_check::check_any_trace),
];

/// Of a target that takes text, a seed that is none is no seed.
fn text(bytes: &[u8], check: fn(&str)) {
    check(str::from_utf8(bytes).expect("a seed of text"));
}

fn replay(targets: &[Target]) {
    let _dog = common::watchdog("the replay of the seeds", 120);
    for (target, check) in targets {
        let seeds = seeds::seeds(target);
        assert!(seeds.len() >= 3, "{target} has lost some of its seeds");
        for (name, seed) in seeds {
            println!("{target}: {name}"); // shown when it fails
            check(&seed);
        }
    }
}

#[test]
fn every_seed_of_the_loop_holds() {
    replay(LOOP);
}

#[test]
fn every_seed_of_the_lock_and_its_machine_holds() {
    replay(LOCK);
}

#[test]
fn every_seed_of_the_processes_holds() {
    replay(PROCESSES);
}

#[cfg(feature = "python")]
#[test]
fn every_seed_of_python_holds() {
    replay(PYTHON);
}

#[cfg(feature = "cli")]
#[test]
fn every_seed_of_the_lab_holds() {
    replay(LAB);
}

/// A target that is not replayed here could rot until somebody installs nightly.
#[cfg(feature = "cli")]
#[test]
fn every_target_is_replayed_and_built() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let files = std::fs::read_dir(folder.join("fuzz_targets")).unwrap();
    let files: BTreeSet<String> = files
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let targets = [LOOP, LOCK, PROCESSES, PYTHON, LAB].concat();
    let replayed: BTreeSet<String> = targets.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, replayed);
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for name in &files {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is no [[bin]]");
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is in no row of the README");
    }
}

#[test]
fn raw_bytes_can_make_a_program_that_runs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/vm_verify_run/raw_increment");
    let program = vm_check::any_program(&std::fs::read(path).unwrap());
    assert_eq!(program.functions[0].code.len(), 6);
    singletrack::vm::verifier::Verified::new(program).unwrap();
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows W1, W5.
    #[test]
    fn frames_arrive_and_a_spoiled_header_does_not(input in bytes(400)) {
        frame_ops::run(&input);
    }

    /// Shows E1, E3.
    #[test]
    fn a_future_does_what_its_model_does(input in bytes(400)) {
        future_ops::run(&input);
    }

    /// Shows X1, X13.
    #[test]
    fn a_hostile_worker_loses_no_job_and_resolves_none_twice(input in bytes(400)) {
        hostile_worker::run(&input);
    }

    /// Shows W9.
    #[test]
    fn a_flood_of_empty_frames_costs_its_worker_and_counts_for_no_more_than_it_was_sent(
        kind in prop::sample::select(vec![
            FrameKind::Value, FrameKind::Part, FrameKind::Refused, FrameKind::Hello, FrameKind::Item,
        ]),
        id in 0u64..3,
        items in 0u32..3,
    ) {
        let mut pool = Dispatcher::new(Settings { workers: 1, max_tasks_per_child: None });
        prop_assert!(matches!(pool.next_action(0), Some(Action::Spawn)));
        let (key, mut reader) = (pool.started(0), ReplyReader::new(false));
        let mut counted = hear(&mut reader, &frame(FrameKind::Hello, 0, &greeting()).unwrap(), key, &mut pool);
        pool.submit(PoolJob { id: 1, terms: Terms { items, ..Terms::default() }, body: () });
        prop_assert_eq!(pool.assign(0, |_| true), Some(key));
        pool.delivered(key);
        let flood = frame(kind, id, &[]).unwrap().repeat(1_000);
        for piece in flood.chunks(6_000) {
            counted += hear(&mut reader, piece, key, &mut pool);
        }
        prop_assert!(counted <= 1 + items as usize, "{} frames counted", counted);
        let mut kills = 0;
        while let Some(action) = pool.next_action(0) {
            kills += usize::from(matches!(action, Action::Kill(_)));
        }
        prop_assert_eq!(kills, 1);
    }

    #[test]
    fn no_schedule_confuses_the_pure_lock(input in bytes(300)) {
        gil_check::check_any_schedule(&input);
    }

    #[test]
    fn garbage_from_another_process_is_no_value_and_takes_no_memory(input in bytes(100)) {
        wire_check::check_any_value(&input);
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn the_same_order_is_the_same_run(input in bytes(60)) {
        model::orders::check_bytes(&input);
    }

    #[cfg(feature = "python")]
    #[test]
    fn any_text_is_refused_with_a_place_or_runs(
        text in "(x|def f\\(a, b=1\\):|    |while|for x in|class|lambda|f'|'|\\{|\\}|[-+*=(),:\\[\\]\\n\\r 0-9]|import threading|yield|await|\\PC){0,40}",
    ) {
        python_check::check_any_source(&text);
    }

    #[cfg(feature = "python")]
    #[test]
    fn any_two_small_threads_are_explored_and_replayed(input in bytes(9)) {
        python_check::check_any_threads(&input);
    }
}

/// A worker says this; how many of its frames count.
fn hear(reader: &mut ReplyReader, mut said: &[u8], key: Key, pool: &mut Dispatcher<()>) -> usize {
    let mut counted = 0;
    while !said.is_empty() {
        let room = reader.room();
        assert!((1..200_000).contains(&room.len()), "room for {}", room.len());
        let count = room.len().min(said.len());
        room[..count].copy_from_slice(&said[..count]);
        reader.filled(count);
        counted += reader.handle_frames(key, pool, 1).len();
        said = &said[count..];
    }
    counted
}

#[cfg(feature = "cli")]
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_person_writes_is_read_or_refused_in_a_line(
        text in "((cpu|io|native|send|#) ?|[-0-9.xe]{1,4}(ms|us|s|KiB|B)?|\\PC|[\n =:.,x!|]){0,12}",
    ) {
        text_check::check_any_steps(&text);
        text_check::check_any_quantity(&text);
    }

    #[test]
    fn any_words_make_a_request_or_are_refused_in_a_line(
        words in "((compare|choose|explore|run|dis|gil|loop|replay|sim|explain|a\\.py|a\\.gil|cpu|--[a-z]{1,8}|--json|[0-9.]{1,3}|\\PC{1,6})\n){0,6}",
    ) {
        words_check::check_any_words(words.as_bytes());
    }

    #[test]
    fn any_answers_end_a_game_or_a_walk(
        typed in "(g[0-9]{0,2}|t|l)k?\n(([0-9npNPgGtau?#q]|[0-9]{1,3}(ms|us)?|\\PC)\n){0,12}",
    ) {
        answers_check::check_any_answers(&typed);
    }
}
