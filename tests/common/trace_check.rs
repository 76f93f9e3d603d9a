//! What holds for any bytes that are read as a trace file.
//!
//! *Promises*: the fuzz target `trace_file` and the replay of its seeds check the same.

use crate::memory::within;
use singletrack::lab::replay::moment::Moments;
use singletrack::lab::replay::view::{log, view, with_lanes};
use singletrack::lab::timeline::timeline::Timeline;
use singletrack::lab::timeline::trace::write_trace;
use singletrack::lab::timeline::trace_reader::read;

/// So many times the bytes of a file may be held while it is read.
pub const TIMES: usize = 12;

/// No more memory than [`TIMES`] the bytes. They are refused in one line, or become a timeline in order
/// that can be shown, and written, and is the same when it is read again.
pub fn check_any_trace(bytes: &[u8]) {
    let timeline = match within(TIMES, bytes, read) {
        Ok(timeline) => timeline,
        Err(refusal) => {
            let line = refusal.to_string();
            assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
            return;
        }
    };
    assert_eq!(timeline.check(), Ok(()));
    let mut file = Vec::new();
    write_trace(&mut file, &timeline).unwrap();
    let again =
        read(&file).unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&file)));
    assert_eq!(without_links(again), without_links(timeline.clone()));
    show(timeline);
}

/// A task's arrow is drawn on the thread that we would draw it on, where there may be no slice for it.
fn without_links(mut timeline: Timeline) -> Timeline {
    timeline.groups.iter_mut().for_each(|group| group.links.clear());
    timeline
}

/// As `singletrack replay` shows it.
fn show(timeline: Timeline) {
    let moments = Moments::of(timeline);
    let ends = [0, moments.count() / 2, moments.count().saturating_sub(1)];
    for number in ends.into_iter().filter(|number| *number < moments.count()) {
        for width in [10, 80] {
            let page = view(&moments, number, width);
            assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
        }
        with_lanes(&moments, number);
    }
    for lines in log(&moments, 0).take(1000) {
        assert!(lines.chars().all(|c| c == '\n' || !c.is_control()), "{lines:?}");
    }
}
