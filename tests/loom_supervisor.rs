//! Every interleaving of a caller that reads its own reply, the supervisor and one worker, which
//! answers, dies, or both: `tests/supervision` says what is real here.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_supervisor`
#![cfg(loom)]

#[path = "common/loom.rs"]
mod bounded;
mod supervision;

use bounded::model;
use supervision::{Behaviour, End, Pool};

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
