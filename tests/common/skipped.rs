//! A test that cannot look at all it should, for want of a tool, says so where everybody sees it.

use std::fmt::Display;
use std::io::{Write, stderr};

/// Says on standard error what is not looked at, although the test passes: libtest keeps back only
/// what is printed by macros. `.ci/run` collects these lines.
pub fn skipped(why: impl Display) {
    let _ = writeln!(stderr().lock(), "\nSKIPPED: {why}");
}
