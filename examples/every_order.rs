//! Two small programs that pass every ordinary test, and fail in one order of their tasks.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/sim/mod.rs
//!
//! Question: how do you test for an order that your event loop never takes? Prediction: nobody has to wait
//! for it: in virtual time all orders are tried, and the first that fails is told with the lines of its
//! awaits.
//!
//!     cargo run --example every_order
//!
//! CI:

mod common;

use common::measured;
use singletrack::aio::Event;
use singletrack::sim::{Explorer, RunEnd, Sim};
use singletrack::yield_now;
use std::cell::Cell;
use std::rc::Rc;

/// An await race: between reading the balance and writing it a task waits for something else.
async fn bank(sim: Sim) {
    let balance = Rc::new(Cell::new(100));
    let deposit = |name, calls: u32| {
        let balance = Rc::clone(&balance);
        sim.spawn(name, async move {
            for _ in 0..calls {
                yield_now().await; // asks the network
            }
            let read = balance.get();
            yield_now().await; // writes to the journal
            balance.set(read + 10);
        })
    };
    for task in [deposit("alice", 0), deposit("bob", 2)] {
        task.await.unwrap();
    }
    assert_eq!(balance.get(), 120, "a deposit is lost");
}

/// A lost wake-up: the seller finds the shelf empty, and the bell rings before it listens.
async fn bakery(sim: Sim) {
    let (loaves, bell) = (Rc::new(Cell::new(0)), Rc::new(Event::new()));
    let (baked, rings) = (Rc::clone(&loaves), Rc::clone(&bell));
    let baker = sim.spawn("baker", async move {
        yield_now().await; // kneads
        yield_now().await; // bakes
        baked.set(1);
        rings.set();
    });
    let seller = sim.spawn("seller", async move {
        if loaves.get() == 0 {
            yield_now().await; // tells the customer
            bell.clear();
            bell.wait().await;
        }
        assert_eq!(loaves.replace(0), 1);
    });
    baker.await.unwrap();
    seller.await.unwrap();
}

fn main() {
    assert!(Explorer::new().replay("fifo").explore(bank).is_ok(), "the loop's own order passes");
    let lost_deposit = Explorer::new().explore(bank).expect_err("one order must fail");
    println!("{lost_deposit}\n");
    assert!(matches!(lost_deposit.end, RunEnd::Panicked { .. }));

    assert!(Explorer::new().replay("fifo").explore(bakery).is_ok(), "the loop's own order passes");
    let lost_ring = Explorer::new().explore(bakery).expect_err("one order must fail");
    println!("{lost_ring}");
    assert!(matches!(lost_ring.end, RunEnd::Deadlock(_)));

    measured(format!(
        "The event loop's own order passes both. Choices out of turn: {} lose a deposit, {} a ring of the \
         bell; found after {} and {} orders.",
        lost_deposit.order.deviations(),
        lost_ring.order.deviations(),
        lost_deposit.passed,
        lost_ring.passed
    ));
}
