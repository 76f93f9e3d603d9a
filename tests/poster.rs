//! The poster's bands: the same packets in each, and what each comes to.
#![cfg(feature = "cli")]

use proptest::prelude::*;
use singletrack::lab::poster::packets::{UNTIL, arrivals, delays, packets, spans, waited};
use singletrack::lab::poster::poster::{Poster, poster};
use singletrack::lab::timeline::timeline::State;

fn made() -> Poster {
    poster("singletrack poster").unwrap()
}

#[test]
fn every_band_has_the_same_packets_on_one_axis() {
    let poster = made();
    assert_eq!(poster.timeline.check(), Ok(()));
    assert_eq!(poster.timeline.groups.len(), poster.rows.len());
    let came: Vec<u64> = arrivals().collect();
    for (group, row) in poster.timeline.groups.iter().zip(&poster.rows) {
        assert_eq!(group.name, row.name);
        assert_eq!(group.forgotten, 0, "{}", group.name);
        let points = group.lanes.iter().flat_map(|lane| &lane.points);
        let packets: Vec<u64> =
            points.filter(|point| point.name == "packet").map(|point| point.at).collect();
        assert_eq!(packets, came, "{}", group.name);
        assert_eq!(row.handled_after.came, came.len());
    }
}

#[test]
fn it_is_the_same_every_time() {
    assert_eq!(made(), made());
}

#[test]
fn each_band_shows_what_its_sentence_says() {
    let poster = made();
    let [worker, alone, convoy, battle] = &poster.rows[..] else { panic!("{:?}", poster.rows) };
    // Nothing but the handling itself.
    assert_eq!((worker.waited, worker.handled_after.longest), (0, 50_000));
    // Behind the job that runs and the one that stands in the queue before it; the packets of the
    // last ones are not handled any more.
    assert!((45_000_000..61_000_000).contains(&alone.handled_after.longest), "{alone:?}");
    assert!(alone.handled_after.handled < alone.handled_after.came, "{alone:?}");
    // A switch interval, every time.
    let interval = 5_000_000..5_300_000;
    assert!(interval.contains(&convoy.handled_after.median), "{convoy:?}");
    assert!(interval.contains(&convoy.handled_after.longest), "{convoy:?}");
    assert!(battle.handled_after.median < 2_000_000, "{battle:?}");
    assert!(battle.sentence.contains("in vain"), "{battle:?}");
    assert!(alone.waited > convoy.waited && convoy.waited > battle.waited, "{:?}", poster.rows);
}

#[test]
fn a_thread_that_waits_for_the_lock_is_what_a_packet_waits_for() {
    let poster = made();
    for (group, row) in poster.timeline.groups.iter().zip(&poster.rows) {
        let net = group.lanes.last().unwrap();
        let waits = net
            .spans
            .iter()
            .filter(|span| matches!(span.state, State::WaitsForLock | State::Ready));
        let red: u64 = waits.map(|span| span.to - span.from).sum();
        // Waking up, for a packet and for the lock, is in the one and not in the other.
        assert!(red.abs_diff(row.waited) < 1_000_000, "{}: {red} and {}", row.name, row.waited);
    }
}

#[test]
fn a_picture_has_no_more_spans_than_can_be_drawn() {
    for group in &made().timeline.groups {
        let spans: usize = group.lanes.iter().map(|lane| lane.spans.len()).sum();
        assert!(spans < 5_000, "{}: {spans}", group.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_handles_packets_is_in_one_state_at_a_time(
        steps in prop::collection::vec((0u64..20_000_000, 0u64..2_000_000), 0..15),
    ) {
        // Each is begun after it came and after the one before it.
        let mut ended = 0;
        let mut handled = Vec::new();
        for (came, (later, takes)) in arrivals().zip(steps) {
            let begun = came.max(ended) + later;
            ended = begun + takes;
            if ended <= UNTIL {
                handled.push((begun, ended));
            }
        }
        let packets = packets(&handled);
        let spans = spans(&packets, &handled);
        let mut at = 0;
        for span in &spans {
            prop_assert_eq!(span.from, at, "{:?}", spans);
            prop_assert!(span.to >= span.from);
            at = span.to;
        }
        prop_assert_eq!(at, UNTIL);
        prop_assert!(waited(&packets) <= UNTIL);
        let delays = delays(&packets);
        prop_assert!(delays.median <= delays.longest);
        prop_assert_eq!(delays.handled, handled.len());
    }
}
