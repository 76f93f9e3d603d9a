//! What is to be done around every fork of a worker.
//!
//! *Promises*: the order of CPython's `os.register_at_fork`; after a fork that failed the parent
//! is put in order just as after one that succeeded.
//! *Leaves out*: the fork itself (`process/forkserver/server.rs`).
//!
//! ```text
//!   registered 1, 2, 3       fork server:  before 3, 2, 1 ── fork ── after in parent 1, 2, 3
//!                                                         │
//!                            worker:                      └───── after in child  1, 2, 3
//! ```
//! What was registered last may build on what was registered first: so it is prepared first
//! and restored last, as scopes are.
//!
//! # What a worker process does all its life: read a call, run it, write the reply
//!
//! *Assumes*: it is alone in a process forked for it, with one pipe in and one out.
//! *Promises*: says hello first; runs calls one at a time in the order they come; a reply is
//! written before the next job begins, so the first job without a reply is the one that ran
//! when the process died.
//! *Leaves out*: which job comes when (`process/pool/dispatcher.rs`), who sends it (`process/pool/pool_state.rs`)
//! and who reads the replies (`process/pool/supervisor.rs`).
//!
//! ```text
//!  requests ──▶ read ──▶ run_call ──▶ write ──▶ replies
//!     │ end of stream                   │ nobody reads
//!     ▼                                 ▼
//!  exit 0 (101 if the last           exit 0
//!          call panicked)
//! ```

use crate::base::panic::{discard, last_words};
use crate::process::message::call::{greeting, run_call};
use crate::process::message::frame::{Decoder, FrameKind, frame};
use crate::sys::fd::{CAPACITY, Reader, Writer, set_capacity};
use crate::sys::process::PANICKED;
use std::fmt;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a hook is. It may keep state: each process has a copy of its own.
type Hook = Box<dyn FnMut()>;

/// Functions that run around every fork of a worker.
///
/// ```
/// use singletrack::process::forkserver::worker::Hooks;
/// use std::{cell::RefCell, rc::Rc};
///
/// let said = Rc::new(RefCell::new(Vec::new()));
/// let say = |text| {
///     let said = Rc::clone(&said);
///     move || said.borrow_mut().push(text)
/// };
/// let mut hooks = Hooks::default();
/// hooks.before(say("stop the clock"));
/// hooks.before(say("close the book"));
/// hooks.after_in_parent(say("go on"));
/// hooks.run_before().unwrap();
/// hooks.run_after_in_parent();
/// assert_eq!(*said.borrow(), ["close the book", "stop the clock", "go on"]);
/// ```
#[derive(Default)]
#[doc(alias = "os.register_at_fork")]
#[doc(alias = "pthread_atfork")]
pub struct Hooks {
    before: Vec<Hook>,
    after_in_parent: Vec<Hook>,
    after_in_child: Vec<Hook>,
}

impl Hooks {
    /// Adds one to be run in the parent before a fork.
    pub fn before(&mut self, hook: impl FnMut() + 'static) {
        self.before.push(Box::new(hook));
    }

    /// Adds one to be run in the parent after a fork, and after one that failed.
    pub fn after_in_parent(&mut self, hook: impl FnMut() + 'static) {
        self.after_in_parent.push(Box::new(hook));
    }

    /// Adds one to be run in the child before anything else.
    pub fn after_in_child(&mut self, hook: impl FnMut() + 'static) {
        self.after_in_child.push(Box::new(hook));
    }

    /// True if nothing is registered.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after_in_parent.is_empty() && self.after_in_child.is_empty()
    }

    /// Runs what was registered for before, the last first.
    ///
    /// # Errors
    /// The message of the first that panicked: then there must be no fork, for nobody knows
    /// what it left undone. (CPython prints the exception and forks.)
    pub fn run_before(&mut self) -> Result<(), String> {
        self.before
            .iter_mut()
            .rev()
            .try_for_each(|hook| catch_unwind(AssertUnwindSafe(hook)).map_err(last_words))
    }

    /// Runs what was registered for the parent, the first first. A panic is printed and goes no
    /// further: the fork is done, and the others must have their turn.
    pub fn run_after_in_parent(&mut self) {
        for hook in &mut self.after_in_parent {
            catch_unwind(AssertUnwindSafe(hook)).unwrap_or_else(discard);
        }
    }

    /// Runs what was registered for the child, the first first.
    ///
    /// # Panics
    /// With the first that does. It ends the child with exit code 101.
    pub fn run_after_in_child(&mut self) {
        self.after_in_child.iter_mut().for_each(|hook| hook());
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("before", &self.before.len())
            .field("after_in_parent", &self.after_in_parent.len())
            .field("after_in_child", &self.after_in_child.len())
            .finish()
    }
}

/// The exit code of a worker that was sent something it cannot understand (`EX_PROTOCOL`).
pub const NOT_UNDERSTOOD: i32 = 76;

/// What a pipe is made to hold, in both directions, when something large comes to pass through
/// it. With the usual 64 KiB, a mebibyte takes sixteen rounds of two processes waking each
/// other.
pub(crate) const ROOMY: usize = 1 << 20;

/// Serves until the request pipe ends; gives the exit code.
pub fn serve(requests: &Reader, replies: &Writer) -> i32 {
    let code = serve_frames(requests, replies);
    // The process leaves by `_exit`: what jobs have printed without a newline goes out now.
    let _ = std::io::stdout().flush();
    code
}

/// Has malloc keep what a job frees for the next. glibc gives the free end of the heap back as
/// soon as it is 128 KiB long, and each page of it faults when it comes again; but from the first
/// freed block of its own mapping on, the limit is twice that block's size (mallopt(3),
/// `M_MMAP_THRESHOLD`). This one is never touched, so it is no memory at all.
fn keep_freed_memory() {
    const KEPT: usize = 8 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT / 2)));
}

fn serve_frames(requests: &Reader, replies: &Writer) -> i32 {
    keep_freed_memory();
    let hello = frame(FrameKind::Hello, 0, &greeting()).expect("a greeting is short");
    if replies.write_all(&hello).is_err() {
        return 0;
    }
    let (mut decoder, mut reply) = (Decoder::new(), Vec::new());
    let (mut last, mut roomy) = (FrameKind::Hello, false);
    loop {
        match requests.read(decoder.room()) {
            Ok(0) if last == FrameKind::Panicked => return PANICKED,
            Ok(0) | Err(_) => return 0,
            Ok(count) => decoder.filled(count),
        }
        loop {
            last = match decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(call)) if call.kind == FrameKind::Call => {
                    match run_call(call.body, call.id, &mut reply) {
                        Ok(kind) => kind,
                        Err(_) => return NOT_UNDERSTOOD,
                    }
                }
                Ok(Some(_)) | Err(_) => return NOT_UNDERSTOOD,
            };
            if !roomy && reply.len() > CAPACITY {
                roomy = true;
                // If the system says no, it takes more steps.
                let _ = set_capacity(replies, ROOMY);
            }
            if replies.write_all(&reply).is_err() {
                return 0;
            }
        }
    }
}
