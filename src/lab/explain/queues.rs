//! Back-pressure and head-of-line blocking: what a queue does to those at its ends.
//!
//! *Promises*: the places that are named are where a queue is bounded, or passed by.
//! *Leaves out*: the mathematics: Little's law alone is used (jobs inside = rate × time inside).

use crate::lab::explain::topic::Topic;
use crate::lab::scenes::explanation::explain;

/// A producer that nobody stops.
pub const BACK_PRESSURE: Topic = Topic {
    name: "back-pressure",
    title: "who brings work is slowed to the pace of who does it",
    shown_by: None,
    text: explain! {
        "Between a producer and a consumer is a queue. If the producer is the faster one, by however
        little, the queue grows until the memory is gone; and long before that everything in it is
        old, for by Little's law what enters now leaves after all that is there. A queue evens out
        bursts. It cannot mend a difference of pace: somebody must wait or be refused.

        How to know that it is missing: memory grows with the time and not with the load; latencies
        grow while the throughput stays; a restart helps. A queue that is well sized is nearly
        always empty, one before a slow consumer is always full, and neither needs a longer one.

        Back-pressure is the way back: the queue is bounded, and who finds it full waits. The kernel
        does it for a pipe (64 KiB) and for a TCP stream (its window). Above that each layer must
        pass it on. Between tasks: " [aio/sync/queue.rs put] " waits for a slot. Between processes a
        slot is a byte in a pipe: " [process/channel/slots.rs take] ". A stream's write() never waits,
        as in asyncio, so that a loop of writes needs " [aio/streams/writer.rs drain] ", which waits
        when more is queued than the high mark. An executor's submit() takes whatever comes, as
        CPython's does; " [futures/executor.rs map_buffered] " never has more than so many jobs inside.

        Where waiting is no answer, refuse at the door, early and cheaply: a job that is refused
        costs little, and one that is done too late costs all and helps nobody."
    },
    next: &["cargo run --example producer_consumer", "cargo run --example rate_limiter"],
};

/// One that is slow, and all who stand behind it.
pub const HEAD_OF_LINE_BLOCKING: Topic = Topic {
    name: "head-of-line blocking",
    title: "the first is slow, and all behind it wait",
    shown_by: None,
    text: explain! {
        "One till, one long trolley. Whatever hands out work in order has it: an event loop runs one
        callback at a time, " [event_loop/run_once.rs run_next] ", so a task that computes for 50 ms
        adds 50 ms to every timer and every socket. A worker that was sent three jobs does the second
        when the first has ended, though another worker may be idle. A look-up of a name waits for a
        thread behind jobs that read files. A lost segment holds up all of a TCP connection, also the
        answers that have arrived (which is why HTTP/3 has left TCP).

        How to know it: few are slow and many wait; the p99 of short jobs is the length of a long
        one; what waits is ready. The debug mode of the loop names the step that held it, and where
        its task was made: " [event_loop/debug.rs check] ".

        What helps, from cheap to dear: pieces, so that others come in between (await, or yield; the
        loop makes a task pause whose I/O is always ready, " [task/budget.rs spend] "). Another queue
        for what is long: a thread for what blocks, " [aio/tasks/bridge.rs run_in_executor] ", a
        process for what computes. One queue before many servers in place of one before each, so
        that the next job goes to whoever is free: the pool sends a job to the worker with least to
        do, " [process/pool/workers.rs with_room_for] ". A look at the length beforehand (shortest
        first), which starves the long ones.

        Under a lock the same fault is a convoy."
    },
    next: &[
        "singletrack explain convoy",
        "singletrack compare slow-io --model event-loop,loop+processes",
    ],
};
