//! Looking at a loop from inside: the budget, slow steps, the tree of tasks.

mod common;
use common::{run_scripted, settle};
use singletrack::aio::{
    Doing, Queue, StreamReader, StreamWriter, TaskGroup, TaskTree, TcpListener, TcpStream,
    as_completed, create_named_task, gather, pipe, shield, sleep, task_tree, wait, wait_for,
};
use singletrack::event_loop::Task;
use singletrack::futures::ReturnWhen;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::sys::fd::Direction;
use singletrack::task::budget::BUDGET;
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

/// How many bytes a task reads, one at a time from a socket that has them all, before another
/// task runs again.
fn bytes_read_before_others_run(event_loop: &EventLoop, sent: usize) -> usize {
    event_loop.run_until_complete(async {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let writer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (reader, _) = listener.accept().await.unwrap();
        writer.write_all(&vec![1; sent]).await.unwrap();
        let read = Rc::new(Cell::new(0));
        let count = Rc::clone(&read);
        let greedy = create_task(async move {
            for _ in 0..sent {
                reader.read(&mut [0]).await.unwrap();
                count.set(count.get() + 1);
            }
        });
        let watched = Rc::clone(&read);
        let other = create_task(async move {
            while watched.get() == 0 {
                yield_now().await;
            }
            watched.get()
        });
        let seen = other.await.unwrap();
        greedy.await.unwrap();
        seen
    })
}

#[test]
fn a_task_whose_socket_is_always_ready_pauses_when_its_budget_is_spent() {
    let event_loop = EventLoop::new().unwrap();
    let seen = bytes_read_before_others_run(&event_loop, 2000);
    assert!(seen <= BUDGET as usize, "{seen} reads in one poll");
}

#[test]
fn without_a_budget_it_starves_the_others() {
    let event_loop = EventLoop::new().unwrap();
    event_loop.set_budget(u32::MAX);
    assert_eq!(bytes_read_before_others_run(&event_loop, 2000), 2000);
}

#[test]
fn a_full_queue_counts_against_the_budget_too() {
    let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
    event_loop.run_until_complete(async {
        let queue = Rc::new(Queue::new(0));
        (0..1000).for_each(|i| queue.put_nowait(i).unwrap());
        let taken = Rc::new(Cell::new(0));
        let count = Rc::clone(&taken);
        let greedy = create_task(async move {
            while count.get() < 1000 {
                queue.get().await.unwrap();
                count.set(count.get() + 1);
            }
        });
        yield_now().await;
        assert_eq!(taken.get(), BUDGET);
        greedy.await.unwrap();
    });
}

/// asyncio's `drain` and `readline` return at once while they can, as here; but there a loop
/// over them holds up everybody else.
#[test]
fn buffered_streams_count_against_the_budget_too() {
    EventLoop::new().unwrap().run_until_complete(async {
        let (reader, sender) = pipe().unwrap();
        let (mut reader, writer) = (StreamReader::new(reader), StreamWriter::new(sender));
        let done = Rc::new(Cell::new(0));
        let count = Rc::clone(&done);
        let greedy = create_task(async move {
            for _ in 0..1000 {
                writer.write(b"\n").unwrap(); // a pipe holds them all
                writer.drain().await.unwrap();
                count.set(count.get() + 1);
            }
            for _ in 0..1000 {
                assert_eq!(reader.readline().await.unwrap(), b"\n"); // the first brings them all
                count.set(count.get() + 1);
            }
        });
        let mut most = 0;
        while !greedy.done() {
            let before = done.get();
            yield_now().await;
            most = most.max(done.get() - before);
        }
        assert!((1..=BUDGET).contains(&most), "{most} in one poll");
        assert_eq!(done.get(), 2000);
    });
}

#[test]
fn slow_steps_are_reported_in_debug_mode_only() {
    let selector = ScriptedSelector::new();
    let event_loop = EventLoop::with_selector(Box::new(selector.clone()));
    let reports = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&reports);
    event_loop.set_slow_callback_handler(move |slow| {
        sink.borrow_mut().push((slow.place.clone(), slow.took));
    });
    let busy = |by| {
        let selector = selector.clone();
        async move { selector.advance(by) }
    };
    let slow = Duration::from_millis(100);
    event_loop.run_until_complete(event_loop.create_task(busy(slow))).unwrap();
    assert!(reports.borrow().is_empty(), "not in debug mode");

    event_loop.set_debug(true);
    let quick = event_loop.create_task(busy(slow - Duration::from_nanos(1)));
    let here = line!() + 1;
    let late = event_loop.create_task(busy(slow));
    let clock = selector.clone();
    event_loop.call_soon(move || clock.advance(slow * 2));
    event_loop.run_until_complete(async {
        quick.await.unwrap();
        late.await.unwrap();
        yield_now().await;
    });
    let reports = reports.take();
    assert_eq!(reports.len(), 2, "{reports:?}");
    let place = format!("made at {}:{here}:", file!());
    assert!(reports[0].0.contains(&place) && reports[0].1 == slow, "{reports:?} lacks {place}");
    assert_eq!(reports[1], ("a callback".to_owned(), slow * 2));
}

#[test]
fn the_tree_shows_who_awaits_whom_and_what_for() {
    let event_loop = EventLoop::new().unwrap();
    event_loop.set_debug(true);
    event_loop.run_until_complete(async {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let nap = create_named_task("nap", sleep(Duration::from_secs(60)));
        let parent = create_named_task("parent", async { drop(nap.await) });
        let accept = create_named_task("accept", async move { drop(listener.accept().await) });
        let stuck = create_named_task("stuck", pending::<()>());
        for _ in 0..3 {
            yield_now().await;
        }
        let looker = create_named_task("looker", async { task_tree() });
        let tree = looker.await.unwrap();
        let node = |name: &str| tree.nodes().find(|node| node.name == name).unwrap().clone();
        assert_eq!(node("nap").awaited_by, [parent.id()]);
        assert!(matches!(node("nap").doing, Doing::Sleeps(left) if left.as_secs() == 59));
        assert_eq!(node("parent").doing, Doing::Awaits(vec![node("nap").id]));
        assert!(matches!(node("accept").doing, Doing::WaitsFor(_, Direction::Read)));
        assert_eq!(node("stuck").doing, Doing::Waits);
        assert_eq!(node("looker").doing, Doing::Runs);
        assert_eq!(node("stuck").made_at.unwrap().file(), file!());
        let drawing = tree.to_string();
        let line = |name: &str| drawing.lines().position(|l| l.contains(name)).expect(name);
        assert_eq!(line("(T) main"), 0, "\n{drawing}");
        assert_eq!(line("    └── (T) looker"), 1, "\n{drawing}");
        assert_eq!(line("└── (T) nap"), line("(T) parent") + 1, "\n{drawing}");
        assert_eq!(drawing.lines().count(), 6, "\n{drawing}");
        for task in [parent, accept, stuck] {
            task.cancel();
        }
    });
}

const LONG: Duration = Duration::from_secs(3600);

fn nap(name: &str) -> Task<()> {
    create_named_task(name, sleep(LONG))
}

async fn long() -> Result<(), ()> {
    sleep(LONG).await;
    Ok(())
}

/// The names of the tasks that the task with this name awaits, and of those that await it.
fn awaits(tree: &TaskTree, name: &str) -> Vec<String> {
    let node = tree.nodes().find(|node| node.name == name).expect(name);
    let Doing::Awaits(tasks) = &node.doing else { panic!("{name} {}", node.doing) };
    let named = |id| tree.nodes().find(|node| node.id == id).expect("alive").name.clone();
    tasks.iter().map(|id| named(*id)).collect()
}

#[test]
fn the_tree_looks_through_combinators() {
    run_scripted(async {
        let parents = [
            create_named_task("gather", async { drop(gather(["g1", "g2"].map(nap)).await) }),
            create_named_task("wait", async {
                drop(wait(["w1", "w2"].map(nap), ReturnWhen::AllCompleted, None).await);
            }),
            create_named_task("as_completed", async {
                let done = create_named_task("done", async {});
                let mut completed = as_completed([nap("c1"), done, nap("c2")]);
                while completed.next().await.is_some() {}
            }),
            create_named_task("group", async {
                let group = TaskGroup::<()>::run(async |group| {
                    for name in ["t1", "t2"] {
                        let member = group.create_task(long()).unwrap();
                        member.set_name(name);
                    }
                    Ok(())
                });
                drop(group.await);
            }),
            create_named_task("limit", async { drop(wait_for(nap("l1"), Some(LONG)).await) }),
            create_named_task("shield", async { drop(shield(gather([nap("s1")])).await) }),
        ];
        settle().await;
        let tree = task_tree();
        assert_eq!(awaits(&tree, "gather"), ["g1", "g2"]);
        assert_eq!(awaits(&tree, "wait"), ["w1", "w2"]);
        assert_eq!(awaits(&tree, "as_completed"), ["c1", "c2"]);
        assert_eq!(awaits(&tree, "group"), ["t1", "t2"]);
        let drawing = tree.to_string();
        let below = |parent: &str, child: &str| {
            let lines: Vec<_> = drawing.lines().collect();
            let at = lines.iter().position(|l| l.contains(&format!("(T) {parent} "))).unwrap();
            assert!(lines[at + 1].contains(&format!("├── (T) {child}")), "\n{drawing}");
        };
        below("gather", "g1");
        below("group", "t1");
        // A limit is in the way of the timer: the task sleeps as well as it awaits.
        let limited = tree.nodes().find(|node| node.name == "l1").unwrap();
        assert_eq!(limited.awaited_by, [parents[4].id()]);
        assert_eq!(drawing.lines().count(), 1 + 6 + 11, "\n{drawing}");
        for parent in parents {
            parent.cancel();
        }
    });
}

#[test]
fn who_waits_no_longer_leaves_no_edge() {
    run_scripted(async {
        let (first, second) = (nap("first"), nap("second"));
        let rest = {
            let mut completed = as_completed([first, second, create_task(async {})]);
            drop(completed.next().await.unwrap());
            let waits = wait_for(completed.next(), Some(Duration::from_millis(1)));
            waits.await.map(drop).unwrap_err();
            completed.into_rest()
        };
        let tree = task_tree();
        assert!(tree.nodes().all(|node| node.awaited_by.is_empty()), "\n{tree}");
        rest.iter().for_each(|task| assert!(task.cancel()));
    });
}

#[test]
fn a_task_that_two_await_is_drawn_below_both_and_a_ring_ends() {
    run_scripted(async {
        // The group's task is awaited by its sibling, too.
        let group = create_named_task("group", async {
            let group = TaskGroup::<()>::run(async |group| {
                let slow = group.create_task(long()).unwrap();
                slow.set_name("slow");
                let waits = async { slow.await.map_err(drop) };
                let sibling = group.create_task(waits).unwrap();
                sibling.set_name("sibling");
                Ok(())
            });
            drop(group.await);
        });
        // Two tasks that await each other: a bug, which the drawing shows.
        let slot: Rc<RefCell<Option<Task<()>>>> = Rc::default();
        let inner = Rc::clone(&slot);
        let one = create_named_task("one", async move {
            let other = inner.take().unwrap();
            drop(other.await);
        });
        slot.replace(Some(create_named_task("two", async { drop(one.await) })));
        settle().await;
        let expected = "\
└── (T) main
└── (T) group                      awaits 2 tasks
    ├── (T) slow                   sleeps, 3600.000 s left
    └── (T) sibling                awaits slow
        └── (T) slow               (see above)
└── (T) one                        awaits two
    └── (T) two                    awaits one
        └── (T) one                (see above)
";
        assert_eq!(task_tree().to_string(), expected);
        group.cancel();
    });
}
