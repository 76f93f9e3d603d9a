//! The processes: a fork server, workers forked from it, and a pool that cannot lose a job.

pub mod call;
pub mod child;
pub(crate) mod desk;
pub mod dispatcher;
pub mod frame;
pub mod nursery;
pub(crate) mod parcel;
pub mod pool;
pub mod roster;
pub(crate) mod supervisor;
pub mod worker;
