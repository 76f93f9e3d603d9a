//! The processes: a fork server, workers forked from it, and a pool that cannot lose a job.

pub mod account;
pub mod call;
pub mod child;
pub mod chunk;
pub mod descriptor;
pub(crate) mod desk;
pub mod dispatcher;
pub(crate) mod forkserver;
pub mod frame;
pub mod hearing;
pub mod hooks;
pub mod imap;
pub mod listening;
pub mod multiprocessing;
pub mod nursery;
pub mod options;
pub(crate) mod parcel;
pub mod pipe;
pub mod pool;
pub mod queue;
pub mod roster;
pub(crate) mod shared;
pub(crate) mod slots;
pub mod spares;
pub(crate) mod supervisor;
pub mod worker;
