//! The processes: a fork server, workers forked from it, and a pool that cannot lose a job.

pub mod dispatcher;
pub mod frame;
pub mod roster;
