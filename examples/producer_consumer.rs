//! Two producers, three consumers, and a queue that holds four items.
//!
//! Level: 1 of 3. Minutes: 5. Read: src/aio/sync/queue.rs
//!
//! Question: who waits for whom? Prediction: the queue is full most of the time, so the
//! producers run at the consumers' pace; `join` returns when the last item has been dealt
//! with; after `shutdown` every consumer finds the queue empty and goes home.
//!
//!     cargo run --example producer_consumer                 # takes about a second
//!     cargo run --example producer_consumer -- --virtual    # the same, at once
//!
//! CI: --virtual

mod common;

use common::options::Options;
use common::{event_loop, measured};
use singletrack::aio::Queue;
use singletrack::aio::gather;
use singletrack::aio::sleep;
use singletrack::create_task;
use std::rc::Rc;
use std::time::Duration;

const ITEMS: u32 = 30;
const ROOM: usize = 4;
const WORK: Duration = Duration::from_millis(50);

/// Puts its share into the queue, as fast as it may.
async fn produce(queue: Rc<Queue<u32>>, items: impl Iterator<Item = u32>) {
    for item in items {
        queue.put(item).await.expect("nobody shuts the queue down while we produce");
    }
}

/// Takes items until the queue is shut down; returns their sum and number.
async fn consume(name: char, queue: Rc<Queue<u32>>) -> (u32, u32) {
    let (mut sum, mut count) = (0, 0);
    while let Ok(item) = queue.get().await {
        assert!(queue.qsize() <= ROOM);
        sleep(WORK).await;
        println!("consumer {name}: item {item}");
        (sum, count) = (sum + item, count + 1);
        queue.task_done().expect("one for each item");
    }
    (sum, count)
}

fn main() -> std::io::Result<()> {
    let event_loop = event_loop(Options::read(&["--virtual"]).has("--virtual"))?;
    let begin = event_loop.time();
    event_loop.run_until_complete(async {
        let queue = Rc::new(Queue::new(ROOM));
        let consumers: Vec<_> =
            ['a', 'b', 'c'].map(|name| create_task(consume(name, Rc::clone(&queue)))).into();
        let (even, odd) = ((0..ITEMS).step_by(2), (1..ITEMS).step_by(2));
        let producers = [
            create_task(produce(Rc::clone(&queue), even)),
            create_task(produce(Rc::clone(&queue), odd)),
        ];

        gather(producers).await.expect("no producer panics");
        let took = event_loop.time() - begin;
        println!("all produced after {took:?}");
        // The last item went in when all but ROOM of them had been taken out, three at a time.
        assert!(took >= WORK * ((ITEMS - ROOM as u32 - 1) / 3), "the consumers set the pace");

        queue.join().await;
        println!("all dealt with");
        queue.shutdown(false);

        let ends = gather(consumers).await.expect("no consumer panics");
        let (sum, count) = ends.iter().fold((0, 0), |(s, c), end| (s + end.0, c + end.1));
        assert_eq!((sum, count), (ITEMS * (ITEMS - 1) / 2, ITEMS), "each item once");
        assert!(ends.iter().all(|(_, count)| *count == ITEMS / 3), "and fair shares: {ends:?}");
    });
    let took = event_loop.time() - begin;
    assert!(took >= WORK * ITEMS / 3, "three at a time");
    measured(format_args!(
        "{ITEMS} items of 50 ms each took three consumers {} ms, and no more than {ROOM} ever waited.",
        took.as_millis()
    ));
    Ok(())
}
