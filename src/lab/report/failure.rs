//! Why there is no result, in one line: the thing, the reason, the remedy.
//!
//! *Promises*: every failure prints as one line that names all three, and survives a pipe; what
//! files, servers and programs put into it cannot steer a terminal ([`shown`]).
//! *Leaves out*: exit codes (`main.rs`).

pub use crate::base::text::shown;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// One line for the user: what failed, why, and what to do about it.
///
/// ```
/// use singletrack::lab::report::failure::Failure;
///
/// let failure = Failure::new("--jobs 0", "nothing would run", "ask for at least 1 job");
/// assert_eq!(failure.to_string(), "--jobs 0: nothing would run; ask for at least 1 job");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    thing: String,
    why: String,
    remedy: String,
}

impl Failure {
    /// A failure of `thing`.
    pub fn new(
        thing: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Failure {
        Failure { thing: thing.into(), why: why.into(), remedy: remedy.into() }
    }

    /// The operating system refused something about `thing`.
    pub fn io(thing: impl Into<String>, why: &io::Error, remedy: &str) -> Failure {
        let remedy = match os_code(why) {
            Some(libc::EMFILE) => "raise `ulimit -n`, or ask for fewer at once",
            Some(libc::ENFILE) => "close other programs: all of them hold too many files",
            Some(libc::EAGAIN) => {
                "raise `ulimit -u` or the group's `pids.max`, or ask for fewer at once"
            }
            _ => remedy,
        };
        Failure::new(thing, reason(why), remedy)
    }

    /// Nothing could be reached at `to`.
    pub fn unreachable(to: SocketAddr, why: &io::Error) -> Failure {
        Failure::io(to.to_string(), why, "check that a server listens there")
    }

    /// The connection to `to` broke.
    pub fn broken(to: SocketAddr, why: &io::Error) -> Failure {
        Failure::io(to.to_string(), why, "run it again; if it stays, the server died")
    }

    /// The system gave no thread.
    pub fn no_thread(why: &io::Error) -> Failure {
        Failure::io("a thread", why, "close other programs")
    }

    /// A thread did not come to the end of its work.
    pub fn lost_thread(why: impl fmt::Display) -> Failure {
        Failure::new("a thread", why.to_string(), "report it")
    }

    /// A job waits for an answer, and has sent nothing.
    pub fn nothing_sent() -> Failure {
        Failure::new("wait", "nothing was sent, so nothing will come", "send first")
    }

    /// The thing and the reason, without the remedy: for a list of several.
    pub fn what(&self) -> String {
        shown(&format!("{}: {}", self.named(), self.why))
    }

    /// The thing; an empty word as a shell writes it.
    fn named(&self) -> String {
        let is_empty = self.thing.is_empty() || self.thing.ends_with(' ');
        format!("{}{}", self.thing, if is_empty { "''" } else { "" })
    }

    /// The same failure with more to say about the reason, and one more way out.
    pub fn or_else(mut self, more: &str, way_out: &str) -> Failure {
        self.why += more;
        self.remedy = format!("{}, or {way_out}", self.remedy);
        self
    }

    /// The same failure, seen from further out: `cpu under threads-free: …`.
    pub fn within(mut self, place: &str) -> Failure {
        self.thing = format!("{place}: {}", self.thing);
        self
    }
}

/// The system's number for an error, also where it is the cause of one that says more.
fn os_code(why: &io::Error) -> Option<i32> {
    let mut cause = why.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    let mut code = why.raw_os_error();
    while let (None, Some(inner)) = (code, cause) {
        code = inner.downcast_ref::<io::Error>().and_then(os_code);
        cause = inner.source();
    }
    code
}

/// The system's words without Rust's "(os error 2)".
pub fn reason(why: &io::Error) -> String {
    let text = why.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&format!("{}: {}; {}", self.named(), self.why, self.remedy)))
    }
}

impl std::error::Error for Failure {}
