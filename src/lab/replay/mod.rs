//! `singletrack replay`: through a trace file, a moment at a time
//!
//! ```text
//!   request    the file, read whole, and where to begin
//!     │
//!   moment     all that happens at one time: spans begin and end, points; what a lane does then
//!     │
//!   view       one of those as text; all of them as lines; as JSON
//!     │
//!   walk       forwards and back, to a number or a time, by keys or by lines
//! ```

pub mod moment;
pub mod request;
pub mod view;
pub mod walk;
