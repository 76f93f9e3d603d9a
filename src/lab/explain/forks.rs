//! Fork and locks: what a copied process cannot have.
//!
//! *Promises*: the places that are named are the ones that refuse, or know that they are a copy.
//! *Leaves out*: `exec`, which begins anew, so that none of this matters.

use crate::lab::explain::topic::Topic;
use crate::lab::scenes::explanation::explain;

/// A mutex that was copied while another thread had it.
pub const FORK_AND_LOCKS: Topic = Topic {
    name: "fork and locks",
    title: "a process is copied with its locks, not their holders",
    shown_by: None,
    text: explain! {
        "fork() copies the memory, and of all threads the one that calls it. A mutex that another
        thread holds at this moment is copied as held, by nobody who is there: the child that wants
        it waits for ever. It need not be one of your own. The allocator has such locks, and so have
        stdio, the logger, the resolver and the loader. POSIX therefore allows the child of a program
        with threads hardly anything before exec().

        How to know it: a child now and then stands still as it begins, in futex(), and its parent
        waits for it; under load more often. CPython warns since 3.12 where a process with threads is
        forked; its pools no longer fork by default on Linux since 3.14.

        What helps is never to fork with threads. Here a fork asks for a proof: "
        [sys/process.rs SingleThreaded::prove] " counts the threads, and names them where there are
        more. A pool has its workers forked by a process that was made early and has one thread for
        ever, the fork server: " [process/forkserver/server.rs serve] ". What must be put in order
        around a fork has hooks, as os.register_at_fork: "
        [process/forkserver/server.rs run_hooks_before] ".

        What came with a fork is a copy, and must know it: it owns no thread, no child and no file
        of its original's, and so must not join, kill or delete: " [base/origin.rs is_copy] ". A copy
        of Python's lock whose mutex was taken refuses in place of waiting: "
        [gil/lock/take_gil.rs enter] ".

        Descriptors are copied too, and that is the other half of the trouble: as long as a copy of a
        pipe's writing end is open somewhere, its reader waits for an end that does not come."
    },
    next: &[
        "cargo run --example processes_sleep",
        "cargo run --example prefork_server",
        "cargo run --example copy_on_write",
    ],
};
