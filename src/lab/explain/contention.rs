//! Convoy, battle, starvation: one lock, and the threads that want it.
//!
//! *Promises*: what is said of CPython holds for the releases that are named.
//! *Leaves out*: why each policy does as it does, step by step: `singletrack gil SCENE` says that.

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::explain::topic::{ShownBy, Topic};
use crate::lab::scenes::explanation::explain;
use crate::lab::scenes::{battle, convoy, starvation};

/// A thread that needs the lock often and shortly, behind one that needs it for long.
pub const CONVOY: Topic = Topic {
    name: "convoy",
    title: "quick threads stand behind one that has the lock for long",
    shown_by: Some(ShownBy::Scene(&convoy::SCENE, SwitchPolicy::PYTHON_3_10)),
    text: explain! {
        "A server thread drops Python's lock around each call that may block, and wants it back
        when the call returns: " [gil/lock/token.rs detach] ". If another thread computes
        meanwhile, the lock is taken. The server thread must wait for a whole switch interval, 5 ms,
        before it may even ask: " [gil/rules/machine.rs timed_out] ". The other sees the request
        at its next checkpoint and goes, " [gil/lock/token.rs pass] "; the server does the
        microseconds of work that it has, blocks again, and is back at the end of the queue. So
        every blocking call costs 5 ms, and a hundred requests a second are left of ten thousand.
        No core is idle, and no time is wasted: all of it goes to the thread for whose answer
        nobody waits.

        How to know it: latencies are multiples of the switch interval, they fall when the interval
        is made shorter, and the requests are quick as soon as nothing computes beside them. An event
        loop knows the same fault by another name: a task that computes holds all others up,
        without any lock, until it awaits (`explain head-of-line blocking`).

        What helps: compute in another process. A shorter sys.setswitchinterval, which buys latency
        with switches. A lock that lets threads through first that have blocked: "
        [gil/rules/machine.rs goes_before_holder] ", which no CPython does. The name is from
        databases (Blasgen and others, 1979), where it was the lock of a log."
    },
    next: &[
        "singletrack gil convoy",
        "singletrack gil convoy --policy python-3.10,priority --trace convoy.json",
        "singletrack gil convoy --simulate 64",
    ],
};

/// A lock that is dropped for a thread which is too slow to have it.
pub const BATTLE: Topic = Topic {
    name: "battle",
    title: "threads are woken for a lock that is taken again at once",
    shown_by: Some(ShownBy::Scene(&battle::SCENE, SwitchPolicy::PYTHON_2)),
    text: explain! {
        "Two threads compute under one lock, so at best they take turns and nothing is lost. But in
        Python 2 the holder drops the lock every hundred ticks, " [gil/rules/ticker.rs tick] ",
        wakes the other, and takes the lock again at once: " [gil/lock/token.rs check_after_ticks]
        ". To be woken on another core takes many microseconds, to take a free lock takes some
        nanoseconds. So the other wakes up, finds the lock taken, and goes back to sleep: "
        [gil/rules/machine.rs woken] ". Each round is two system calls and an interrupt for nothing,
        tens of thousands of times a second. Two cores make it worse than one: on one, the woken
        thread does not run before the holder stops.

        How to know it: two threads that compute take longer than one after the other would; the
        kernel's share of the time is high (`time`, `perf trace -s`: futex); `taskset -c 0` makes
        the program faster.

        What helps: a drop that waits until another thread has had the lock, "
        [gil/lock/take_gil.rs take_or_sleep] ", and asks for one only after an interval: Python 3.2 has
        both (Pitrou 2009, after Beazley had shown the battle). In code of one's own: do not wake
        anybody for what you are about to take yourself; hand it over, or keep it."
    },
    next: &[
        "singletrack gil battle",
        "singletrack gil battle --policy python-2 --window 100us",
        "singletrack gil battle --simulate 4",
    ],
};

/// A thread that could run, and never gets to.
pub const STARVATION: Topic = Topic {
    name: "starvation",
    title: "a thread could run, and others always go first",
    shown_by: Some(ShownBy::Scene(&starvation::SCENE, SwitchPolicy::NO_FORCE)),
    text: explain! {
        "A lock that goes to whoever comes first goes to the thread that is awake: the one that has
        just dropped it. The waiter asks, the holder drops the lock and has it back before the
        waiter has woken up, and its request is gone with the drop: " [gil/rules/machine.rs drops]
        ". Nothing bounds how often that happens. It is not a deadlock: all would be well if it ran,
        and some day it may.

        Most primitives allow it, for the same reason: std's Mutex, pthread's and CPython's
        threading.Lock let a newcomer be quicker than the thread that was woken. It makes them
        fast. A queue of waiters in which the lock is granted to the one that has waited longest
        has a bound, (threads - 1) turns, " [gil/rules/machine.rs grants_next] ", and costs a
        wake-up a turn. The locks between tasks are of this kind: "
        [aio/sync/waiters.rs grant] ". Between tasks of one thread it costs nothing.

        How to know it: the mean wait is short and the longest is not; one thread's share of the
        work is far from a fair one; a priority, a busy-wait or a loop without a pause makes it
        worse. Readers that keep writers out and urgent jobs that never end are the same fault.

        What helps: grant in order of arrival; let what has waited grow in rank; bound the turns."
    },
    next: &[
        "singletrack gil starvation",
        "singletrack gil no-force",
        "singletrack gil starvation --simulate 4 --seconds 2",
    ],
};
