//! What asyncio's users know: sleeping, sockets, locks, queues, and what is built from them.
//!
//! ```text
//!                waits for time   for a descriptor           for each other        for tasks
//!
//!   is called    run: a loop, start to close
//!                timeout          server · subprocess        lock · semaphore      task_group
//!                    │            streams · writer           event · condition     combine
//!                    │            │  └ read_buffer (pure)    barrier · queue           │
//!                    │            │  └ write_queue (pure)        │    └ store       children
//!                    │            net · unix · udp · pipe        │      (pure)         │
//!   waits        time             └ byte_stream              gate: one future      join (task/)
//!                    │                │                          │
//!   wakes        timers           source ─► reactor          waiters (pure)        scheduler
//!                (event_loop/)      (event_loop/)                                  (task/)
//! ```
//! Beside these: `readiness`, `watch` and `signals` wait for descriptors that are no streams;
//! `notify` is a gate without order, for writer and server; `lookup` asks a thread; `tasks`,
//! `awaiting`, `task_tree` and `context` say who is who; `futures_io` lends the streams to other
//! crates.
//!
//! Read a column upwards: `time`; or `source`, `byte_stream`, `net`, `streams`; or `waiters`,
//! `gate`, `semaphore`, `lock`.
#![doc = include_str!("asyncio.md")]

pub mod awaiting;
pub mod barrier;
pub mod byte_stream;
pub mod children;
pub mod combine;
pub mod condition;
pub mod context;
pub mod event;
pub mod futures_io;
pub mod gate;
pub mod lock;
pub mod lookup;
pub mod net;
pub mod notify;
pub mod pipe;
pub mod queue;
pub mod read_buffer;
pub mod readiness;
pub mod run;
pub mod semaphore;
pub mod server;
mod signal_listeners;
pub mod signals;
pub mod source;
pub mod store;
pub mod streams;
pub mod subprocess;
pub mod task_group;
pub mod task_tree;
#[doc(alias = "asyncio.Task.cancelling")]
#[doc(alias = "asyncio.Task.uncancel")]
pub mod tasks;
pub mod time;
pub mod timeout;
pub mod udp;
pub mod unix;
pub mod waiters;
pub mod watch;
pub mod write_queue;
pub mod writer;
