//! Thundering herd and lost wake-up: who is woken, and when.
//!
//! *Promises*: each rule that is named stands in a file without threads, or is walked through by a
//! model checker.
//! *Leaves out*: a picture of the herd: no scene shows it, for the lock wakes one thread at a time.

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::explain::topic::{ShownBy, Topic};
use crate::lab::scenes::explanation::explain;

/// Many are woken for one thing.
pub const THUNDERING_HERD: Topic = Topic {
    name: "thundering herd",
    title: "all are woken for what only one of them can have",
    shown_by: None,
    text: explain! {
        "Forty processes wait in accept() on one socket, a connection comes, all forty wake up, one
        has it, and thirty-nine go back to sleep. What was one wake-up has become forty, each with a
        switch and cold caches, and it comes when there is most to do. The same is notify_all on a
        condition for which notify would do, or a cache entry that has expired and is computed by
        everybody at once.

        Linux wakes one sleeper in accept() since 2.4; for epoll one must ask (EPOLLEXCLUSIVE, 4.5),
        or give every process a socket of its own (SO_REUSEPORT, 3.9).

        How to know it: many more context switches than jobs (the columns `ctx switches` and `jobs/s`
        of `singletrack compare`), and a load that grows with the number of sleepers and not with the
        work.

        What helps is to wake one, and to let it wake the next where there is more. A pool of
        threads wakes a worker only if none is looking for work, "
        [futures/idle_workers.rs submit] "; the last to stop looking because it found a job wakes
        one more, " [futures/idle_workers.rs wake_if_none_searches] ". So a flood of short jobs wakes
        one worker, and a flood of long ones wakes all. The lock of Python wakes the first waiter, "
        [gil/rules/wait_queue.rs wake_next] ". Between tasks a permit is granted to one, "
        [aio/sync/waiters.rs grant] ". Each worker process has a pipe of its own, and the pool says
        which one is next: " [process/pool/dispatcher.rs assign] ". All are woken only where each
        must look for itself: " [aio/sync/notify.rs notify_all] "."
    },
    next: &[
        "singletrack compare cpu --model threads-free,threads-py3.10",
        "singletrack gil starvation --policy fair",
    ],
};

/// A wake-up that came before the sleep.
pub const LOST_WAKE_UP: Topic = Topic {
    name: "lost wake-up",
    title: "a thread falls asleep beside the work that it was told of",
    shown_by: Some(ShownBy::Program {
        path: "examples/programs/lost_wakeup.gil",
        text: include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/examples/programs/lost_wakeup.gil"
        )),
        policy: SwitchPolicy::PYTHON_3_10,
    }),
    text: explain! {
        "A thread looks for work, finds none, and goes to sleep. Between the look and the sleep
        another brings work and wakes whoever sleeps: nobody does, yet. Then the first sleeps,
        beside the work, perhaps for ever. The gap is some nanoseconds wide, so that tests pass for
        years.

        How to know it: the program stands still with work in its queue, and goes on when anything
        else happens. A timeout that cures it is a sign of it, and no cure. It does not come in a
        debugger.

        What helps is one rule: for whoever wakes, to look and to go to sleep are one step.
        With a condition variable, look with the mutex held, and let wait() give it up. With an
        atomic, let both sides swap the same word: the event loop's inbox lets the loop sleep only if
        nobody has left a message since its last look, " [event_loop/inbox.rs park] ", and whoever
        leaves one learns whether the loop sleeps, " [event_loop/inbox.rs push] ". With wakers,
        register first and look again after it. With counts, count yourself as one who looks, and
        look once more before you sleep: " [futures/idle_workers.rs next] ".

        A wake-up can also be lost with its receiver: one that is cancelled after it was woken must
        pass it on, as a condition's waiter does, " [aio/sync/lock.rs wait] ". Tasks of one thread
        have no such gap: between two awaits nothing else runs.

        Ten runs prove nothing here, nor do a million. `tests/loom_inbox.rs` and its kin walk through
        every interleaving; `singletrack explore` does so for programs of a few lines."
    },
    next: &[
        "singletrack explore examples/programs/bounded_buffer.gil --policy python-3.10",
        ".ci/run loom_models",
    ],
};
