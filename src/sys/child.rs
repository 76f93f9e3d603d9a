//! What a child does before anything else, and what is settled for it before the fork.
//!
//! *Assumes*: Linux; `/proc` is mounted, or `close_range` (5.9) is there.
//! *Promises*: a child has default signal handlers, an empty signal mask and only the descriptors that it was
//! promised; it dies with its parent. Where the system refuses a call that this takes (a filter of system
//! calls may), there is another way, or no child and an error that names the call.
//! *Leaves out*: the fork (`sys/process.rs`).
#![allow(unsafe_code)]

use crate::sys::fd::{checked, name_refused};
use crate::sys::signal::{by_default, is_ignored};
use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// Ends this process at once: no destructors, no `atexit`, no flushing.
pub fn exit(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions and does not return.
    unsafe { libc::_exit(code) }
}

pub(super) fn block_signals() -> libc::sigset_t {
    // SAFETY: `sigset_t` is plain data; both sets are locals that outlive the calls, which fail only
    // for an address or a command that does not exist.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
        old
    }
}

pub(super) fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: `mask` is a set that `block_signals` got from the kernel, so the call cannot fail.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}

/// Sent to whole process groups: Ctrl-C, Ctrl-\ and the hang-up by a terminal, SIGTERM by a service
/// manager.
const GROUP_SIGNALS: [i32; 4] = [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGTERM];

/// A bit for each signal that children go on ignoring.
static STAYS_IGNORED: AtomicU64 = AtomicU64::new(0);

/// For a command, before it does anything else: settles what it does with the signals that its
/// starter ignored. Those to groups stay ignored, in all children from now on too (`nohup`, or a
/// script's `&`). `SIGCHLD` does not, for then the kernel would keep no exit status of a child.
///
/// # Errors
/// What `sigaction(2)` reports.
pub fn settle_ignored_signals() -> io::Result<()> {
    for signal in GROUP_SIGNALS {
        if is_ignored(signal)? {
            STAYS_IGNORED.fetch_or(1 << signal, Ordering::Relaxed);
        }
    }
    by_default(libc::SIGCHLD)
}

/// Default handlers for all signals, except that `SIGPIPE` stays ignored as in every Rust
/// program, and what [`settle_ignored_signals`] found; then an empty mask.
pub(super) fn reset_signals() {
    let ignored = STAYS_IGNORED.load(Ordering::Relaxed) | 1 << libc::SIGPIPE;
    for signal in 1..=libc::SIGRTMAX() {
        if signal > 63 || ignored & 1 << signal == 0 {
            // SAFETY: SIG_DFL is always a valid handler. For SIGKILL, SIGSTOP and those that
            // libc keeps to itself the call fails, and their handlers need no reset.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    // SAFETY: `sigset_t` is plain data, a local that outlives the calls. They cannot fail.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    }
}

/// Ignores what is sent to whole process groups.
pub fn ignore_group_signals() {
    for signal in GROUP_SIGNALS {
        // SAFETY: SIG_IGN is always a valid handler, and these four can have one: no call fails.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Whether a child will be able to ask for its end: asks for what is set now, which the system
/// refuses if it refuses the other.
pub(super) fn can_die_with_parent() -> io::Result<()> {
    let mut signal: libc::c_int = 0;
    // SAFETY: this option writes an integer to where the pointer says, a local.
    let asked = checked(unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut signal) });
    asked.map(drop).map_err(name_refused("prctl (PR_SET_PDEATHSIG)"))
}

/// Asks the kernel for SIGKILL at the parent's end. If that came before the request, this process
/// has another parent by now, and exits.
pub(super) fn die_with(parent: u32) -> io::Result<()> {
    // SAFETY: this option takes a signal number.
    let asked = checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) });
    asked.map_err(name_refused("prctl (PR_SET_PDEATHSIG)"))?;
    // 0 is a parent in another namespace of processes (`unshare --pid`), which has no number here.
    if ![parent, 0].contains(&std::os::unix::process::parent_id()) {
        exit(0);
    }
    Ok(())
}

/// How a child closes what it was not promised. Planned before the fork, while an error can still
/// be given to somebody; the parent has one thread, so the child's descriptors are those seen here.
pub(super) enum Closing {
    /// The gaps between those to keep, one call each.
    Ranges,
    /// `close_range` is refused: these, one by one.
    OneByOne(Vec<RawFd>),
}

/// Without `close_range` and without `/proc`, at most so many numbers are tried.
const MOST_TRIED: libc::rlim_t = 1 << 20;

impl Closing {
    pub(super) fn plan() -> io::Result<Closing> {
        // SAFETY: no descriptor has this number, so this closes nothing.
        let asked = checked(unsafe { libc::close_range(u32::MAX, u32::MAX, 0) });
        let Err(refused) = asked else { return Ok(Closing::Ranges) };
        let unlisted = match open_descriptors() {
            Ok(open) => return Ok(Closing::OneByOne(open)),
            Err(unlisted) => unlisted,
        };
        match descriptor_limit() {
            Ok(limit) if limit <= MOST_TRIED => {
                Ok(Closing::OneByOne((3..limit as RawFd).collect()))
            }
            limit => Err(io::Error::other(format!(
                "a child would keep every descriptor of its parent: close_range is refused \
                 ({refused}), /proc/self/fd cannot be read ({unlisted}), and there may be too many \
                 to try them all ({limit:?}); allow close_range, mount /proc, or lower the limit \
                 (ulimit -Hn)"
            ))),
        }
    }

    /// Closes all descriptors from 3 on but those to keep.
    pub(super) fn carry_out(self, keep: &[RawFd]) -> io::Result<()> {
        let mut keep = keep.to_vec();
        keep.sort_unstable();
        match self {
            Closing::Ranges => close_gaps(&keep),
            Closing::OneByOne(open) => {
                let unwanted = |fd: &RawFd| *fd >= 3 && keep.binary_search(fd).is_err();
                for fd in open.into_iter().filter(unwanted) {
                    // SAFETY: right after a fork this process has one thread, and the function that
                    // it runs has promised to use no descriptor but those that are kept. A call that
                    // fails has closed its descriptor, or there was none.
                    unsafe { libc::close(fd) };
                }
                Ok(())
            }
        }
    }
}

fn close_gaps(keep: &[RawFd]) -> io::Result<()> {
    let mut first = 3;
    for fd in keep.iter().copied().filter(|fd| *fd >= 3).chain([RawFd::MAX]) {
        if first < fd {
            // SAFETY: as in `carry_out`.
            checked(unsafe { libc::close_range(first as u32, fd as u32 - 1, 0) })
                .map_err(name_refused("close_range"))?;
        }
        first = fd.saturating_add(1);
    }
    Ok(())
}

/// The descriptors of this process; the one that reads them is among them, and closed again.
fn open_descriptors() -> io::Result<Vec<RawFd>> {
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    Ok(open)
}

/// No descriptor has this number or a higher one, unless the limit was lowered since.
fn descriptor_limit() -> io::Result<libc::rlim_t> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a local that outlives the call.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    Ok(limit.rlim_max)
}
