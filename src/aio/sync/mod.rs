//! Waiting for each other: locks, events, queues.
//!
//! ```text
//!   barrier          A barrier: so many tasks wait for each other, then all go on together
//!   event            An event: a flag that tasks can wait for
//!   lock             A lock between the tasks of one loop, around the value it protects
//!   notify           Tasks that look again whenever something has changed
//!   queue            What a queue keeps its items in: the order in which they come out
//!   semaphore        Semaphores: a number of permits, handed out in order
//!   waiters          A line of waiters: first come, first served, and no place in it is ever wasted
//! ```

pub mod barrier;
pub mod event;
pub mod lock;
pub mod notify;
pub mod queue;
pub mod semaphore;
pub mod waiters;
