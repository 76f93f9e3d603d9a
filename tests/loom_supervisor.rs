//! Every interleaving, with two or three preemptions, of a caller that reads its own reply, the
//! supervisor and one worker, which answers, dies, or both: `tests/supervision` says what is real here.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_supervisor`
#![cfg(loom)]

#[path = "common/loom.rs"]
mod bounded;
mod supervision;

use bounded::model;
use loom::sync::{Arc, Mutex};
use loom::thread;
use singletrack::process::message::claim::{claim, offer, take_back};
use supervision::{Behaviour, End, Pool, Words};

#[test]
fn a_caller_reads_its_answer() {
    model(2, || {
        let (pool, supervisor) = Pool::start(1, |_| Behaviour::Answer);
        pool.wait_for_workers(1);
        assert_eq!(pool.call(0), End::Answered);
        assert_eq!(pool.finish(supervisor), [(0, End::Answered)]);
    });
}

#[test]
fn a_caller_learns_of_its_workers_death() {
    model(2, || {
        let (pool, supervisor) = Pool::start(1, |_| Behaviour::DieFirst);
        pool.wait_for_workers(1);
        assert_eq!(pool.call(0), End::Lost);
        assert_eq!(pool.finish(supervisor), [(0, End::Lost)]);
    });
}

#[test]
fn the_last_reply_is_read_before_a_worker_is_reaped() {
    model(2, || {
        let (pool, supervisor) = Pool::start(1, |_| Behaviour::AnswerAndDie);
        pool.wait_for_workers(1);
        assert_eq!(pool.call(0), End::Answered);
        assert_eq!(pool.finish(supervisor), [(0, End::Answered)]);
    });
}

#[test]
fn the_reply_to_a_job_sent_while_a_caller_reads_is_read() {
    model(2, || {
        let (pool, supervisor) = Pool::start(1, |_| Behaviour::Answer);
        pool.wait_for_workers(1);
        pool.submit(0);
        assert_eq!(pool.call(1), End::Answered);
        assert_eq!(pool.finish(supervisor), [(0, End::Answered), (1, End::Answered)]);
    });
}

#[test]
fn a_shutdown_ends_a_worker_that_is_just_being_forked() {
    model(3, || {
        let (pool, supervisor) = Pool::start(1, |_| Behaviour::Answer);
        assert_eq!(pool.finish(supervisor), []);
    });
}

#[test]
fn a_job_is_begun_by_its_worker_or_taken_back() {
    model(3, || {
        let (words, pipe) = (Words::new(), Arc::new(Mutex::new(vec![0])));
        offer(words.word(0), 0);
        let worker = {
            let (words, pipe) = (words.clone(), Arc::clone(&pipe));
            move || -> Vec<u64> {
                let mut sent = pipe.lock().unwrap();
                sent.drain(..).filter(|nth| claim(words.word(*nth), *nth)).collect()
            }
        };
        let first = thread::spawn(worker.clone());
        let taken = take_back(words.word(0), 0);
        if taken {
            // It is sent again, and its word is used again before the worker comes to the first frame,
            // or not.
            offer(words.word(4), 4);
            pipe.lock().unwrap().push(4);
        }
        let mut begun = first.join().unwrap();
        begun.extend(worker());
        assert_eq!(begun, [if taken { 4 } else { 0 }], "once, and under the number it has now");
    });
}

#[test]
fn a_cancelled_job_never_begins() {
    model(2, || {
        let (pool, supervisor) = Pool::start(1, |_| Behaviour::Answer);
        pool.wait_for_workers(1);
        pool.submit(0);
        let end = if pool.cancel(0) { End::Other } else { End::Answered };
        assert_eq!(pool.finish(supervisor), [(0, end)]);
    });
}

/// Shows X2.
#[test]
fn a_killed_worker_loses_only_what_it_had_begun() {
    model(2, || {
        let (pool, supervisor) = Pool::start(1, |_| Behaviour::Answer);
        pool.wait_for_workers(1);
        pool.submit(0);
        pool.kill_one();
        // Lost or answered, it had begun, once: `finish` sees to that.
        assert_eq!(pool.finish(supervisor).len(), 1);
    });
}
