//! What a cell's end means: success, the documented error, or a finding.
//!
//! *Promises*: a cell is right only if it came to its end in time, with nobody's panic; if the scenario
//! succeeded, or gave an error that names the fault or is documented for it; if the scenario then
//! succeeds without the fault; and if nothing is left of either.

use crate::cell::Over;
use crate::census::Census;
use crate::scenarios::Scenario;
use crate::targets::errno_name;
use crate::told::Outcome;
use std::io;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Success,
    Documented,
    /// Not right, and cannot be otherwise; this is why.
    Argued(&'static str),
    Wrong(String),
}

/// What cannot be otherwise.
struct Argued {
    /// One scenario, or all.
    scenario: Option<&'static str>,
    /// What fails, or all.
    target: Option<&'static str>,
    errnos: &'static [i32],
    /// What the finding says.
    says: &'static str,
    why: &'static str,
}

const ARGUED: &[Argued] = &[
    Argued {
        scenario: None,
        target: Some("close"),
        errnos: &[libc::EIO, libc::EINTR],
        says: "unexpected error during closedir",
        why: "std panics where a folder cannot be closed; EINTR aside, no kernel says so of /proc",
    },
    Argued {
        scenario: None,
        target: None,
        errnos: &[libc::ENOMEM, libc::EPERM],
        says: "memory allocation of",
        why: "Rust programs end with a message when the heap cannot grow",
    },
    Argued {
        scenario: None,
        target: None,
        errnos: &[libc::ENOMEM, libc::EPERM],
        says: "failed to allocate an alternative stack",
        why: "std ends the program when a new thread gets no stack for its signals",
    },
    Argued {
        scenario: Some("unix"),
        target: None,
        errnos: &[libc::EACCES, libc::EIO],
        says: "the socket's file is left",
        why: "a file that may not be looked at or removed stays, and a drop cannot say so; the next \
              bind replaces it",
    },
    Argued {
        scenario: Some("subprocess"),
        target: Some("write pipe"),
        errnos: &[libc::EPIPE],
        says: "its output is not its input",
        why: "a child that does not read its input to the end is no error, and cat writes what it reads",
    },
];

/// What the system says of an errno.
fn text_of(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Whether a text names the fault. For a thread that it has no memory for the C library says EAGAIN.
fn names(text: &str, errno: i32) -> bool {
    let is_named = |errno| text.contains(&text_of(errno));
    is_named(errno) || (errno == libc::ENOMEM && is_named(libc::EAGAIN))
}

/// Judges a cell in which calls of `target` failed with `errno`. `expected`: what a run without faults leaves.
pub fn judge(
    scenario: &Scenario,
    target: &str,
    errno: i32,
    over: &Over,
    expected: &Census,
) -> Verdict {
    match right(scenario, errno, over, expected) {
        Ok(verdict) => verdict,
        Err(finding) => {
            let argued = ARGUED.iter().find(|argued| {
                argued.scenario.is_none_or(|name| name == scenario.name)
                    && argued.target.is_none_or(|name| name == target)
                    && argued.errnos.contains(&errno)
                    && finding.contains(argued.says)
            });
            argued.map_or(Verdict::Wrong(finding), |argued| Verdict::Argued(argued.why))
        }
    }
}

fn right(
    scenario: &Scenario,
    errno: i32,
    over: &Over,
    expected: &Census,
) -> Result<Verdict, String> {
    let said = over.said.trim();
    if let Some(hung) = &over.seen.hung {
        return Err(format!("hangs: {hung} said: {said}"));
    }
    let Some(report) = &over.report else {
        return Err(format!("ends with status {:#x}: {said}", over.seen.status));
    };
    if said.contains("panicked at") || said.contains("memory allocation of") {
        return Err(format!("somebody panicked: {said}"));
    }
    let verdict = match &report.faulted {
        Outcome::Well => Verdict::Success,
        Outcome::Told(told) if told.kind.is_empty() => return Err(told.text.clone()),
        Outcome::Told(told) => {
            let documented = scenario.documented.contains(&&*told.kind);
            if !documented && !names(&told.text, errno) {
                let (kind, text) = (&told.kind, &told.text);
                return Err(format!("is no error of {}: {kind}: {text}", errno_name(errno)));
            }
            Verdict::Documented
        }
    };
    if let Outcome::Told(told) = &report.healthy {
        return Err(format!("is broken for good: {}: {}", told.kind, told.text));
    }
    if over.seen.left_running {
        return Err("a process is left running".to_owned());
    }
    if !report.left.is_as(expected, crate::SLACK) {
        return Err(format!("leaves {:?}, not {expected:?}; said: {said}", report.left));
    }
    Ok(verdict)
}
