//! Task states against an enumerated model; the queue that is built on them; and the ids and keys by
//! which both are found.

use proptest::prelude::*;
use singletrack::base::id::{GENERATIONS, GenerationSlab, Key, MAX_INDEX, MAX_LOOPS, TaskId};
use singletrack::task::cell::{AnyTask, TaskOf};
use singletrack::task::metadata::MetadataTable;
use singletrack::task::ready_queue::{ROOT_CALL, ReadyEntry, ReadyQueue};
use singletrack::task::running;
use singletrack::task::state::{Pause, StepEnd, TaskError, TaskState};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What the state machine stands for, said naively.
#[derive(Default)]
struct Model {
    in_queue: u32,
    running: bool,
    woken_while_running: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows T3, T4.
    /// true: the task is woken. false: the loop does its next step with it.
    #[test]
    fn no_wake_is_lost_and_none_counts_twice(ops in prop::collection::vec(any::<bool>(), 0..200)) {
        let (mut state, mut model) = (TaskState::Idle, Model::default());
        let (mut wakes, mut polls) = (0u32, 0u32);
        for wake in ops {
            if wake {
                wakes += 1;
                let expect = model.in_queue == 0 && !model.running;
                model.in_queue += u32::from(expect);
                model.woken_while_running |= model.running;
                prop_assert_eq!(state.wake(), expect);
            } else if model.running {
                model.running = false;
                let again = std::mem::take(&mut model.woken_while_running);
                model.in_queue += u32::from(again);
                let pause = if again { Pause::Requeue } else { Pause::Park };
                prop_assert_eq!(state.pause(), pause);
            } else if model.in_queue == 1 {
                model.in_queue = 0;
                model.running = true;
                polls += 1;
                state.start();
            }
            let expect = match (model.in_queue, model.running, model.woken_while_running) {
                (0, false, _) => TaskState::Idle,
                (1, false, _) => TaskState::Queued,
                (0, true, false) => TaskState::Running,
                (0, true, true) => TaskState::RunningWoken,
                other => panic!("the model itself is lost: {other:?}"),
            };
            prop_assert_eq!(state, expect);
            prop_assert!(polls <= wakes, "a poll without a wake");
        }
    }
}

/// Shows T5.
/// All five states times all four steps, written out.
#[test]
fn every_edge_of_the_diagram() {
    use TaskState::*;
    for (before, enqueue, after) in [
        (Idle, true, Queued),
        (Queued, false, Queued),
        (Running, false, RunningWoken),
        (RunningWoken, false, RunningWoken),
        (Done, false, Done),
    ] {
        let mut state = before;
        assert_eq!((state.wake(), state), (enqueue, after), "wake in {before:?}");
    }
    let mut state = Queued;
    state.start();
    assert_eq!(state, Running);
    for (before, pause, after) in
        [(Running, Pause::Park, Idle), (RunningWoken, Pause::Requeue, Queued)]
    {
        let mut state = before;
        assert_eq!((state.pause(), state), (pause, after), "pause in {before:?}");
    }
    for mut state in [Running, RunningWoken] {
        state.finish();
        assert_eq!(state, Done);
    }
}

/// Safe code may hold a task and run it when it should not. A second poll inside the first, or
/// one of what is an output by now, would be the end of memory safety: it must be refused, and
/// not in debug builds only.
#[test]
fn a_task_runs_only_when_it_stands_in_the_queue() {
    let id = TaskId::from_raw(0x0000_0100_0200_0003);
    let own = Rc::new(RefCell::new(None::<AnyTask>));
    let inner = Rc::clone(&own);
    let refused = |task: &AnyTask| {
        let cx = &mut Context::from_waker(Waker::noop());
        catch_unwind(AssertUnwindSafe(|| drop(task.run(cx)))).is_err()
    };
    let task = TaskOf::new(
        id,
        poll_fn(move |_| Poll::Ready(inner.borrow().as_ref().is_some_and(refused))),
    );
    own.replace(Some(task.clone()));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(matches!(task.run(cx), StepEnd::Done(_)));
    assert!(refused(&task), "it is done");
    assert!(matches!(task.poll_join(cx), Poll::Ready(Ok(true))), "and was refused inside");
}

/// What a slab is, said naively: what is in it, by key.
fn slab_agrees_with_a_map(ops: Vec<(u8, usize)>) {
    let (mut slab, mut map) = (GenerationSlab::new(), BTreeMap::<Key, u64>::new());
    let mut keys = Vec::new();
    for (count, (op, which)) in ops.into_iter().enumerate() {
        let value = count as u64;
        if op % 2 == 0 || keys.is_empty() {
            let key = slab.insert_with(|key| key.pack() ^ value);
            assert!(map.insert(key, key.pack() ^ value).is_none(), "a key was given twice");
            assert_eq!(Key::unpack(key.pack()), key);
            keys.push(key);
        } else if op % 8 == 1 {
            let mut all: Vec<(Key, u64)> = std::mem::take(&mut map).into_iter().collect();
            all.sort_by_key(|(key, _)| key.index);
            assert_eq!(slab.iter().map(|(key, value)| (key, *value)).collect::<Vec<_>>(), all);
            assert_eq!(slab.take_values(), all.iter().map(|(_, v)| *v).collect::<Vec<_>>());
        } else {
            let key = keys[which % keys.len()];
            assert_eq!(slab.get_mut(key).copied(), map.get(&key).copied());
            if op % 4 == 1 {
                slab.get_mut(key).into_iter().chain(map.get_mut(&key)).for_each(|v| *v += 1);
            } else {
                assert_eq!(slab.remove(key), map.remove(&key));
            }
            assert_eq!(slab.get(key), map.get(&key));
        }
        assert_eq!((slab.len(), slab.is_empty()), (map.len(), map.is_empty()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_an_id_was_packed_from_comes_out_again(
        number in 0..MAX_LOOPS, generation in any::<u32>(), index in 0..=MAX_INDEX,
    ) {
        let of_loop = TaskId::from_raw(u64::from(number) << 40).loop_id();
        prop_assert_eq!(of_loop.get(), number);
        let id = TaskId::new(of_loop, generation, index);
        let generation = generation % GENERATIONS;
        prop_assert_eq!((id.loop_id(), id.generation(), id.index()), (of_loop, generation, index));
        prop_assert_eq!(TaskId::from_raw(id.raw()), id);
        prop_assert_eq!(format!("{id:?}"), format!("task {number}:{index}.{generation}"));
    }

    #[test]
    fn a_slab_finds_each_entry_by_its_own_key_and_by_no_other(
        ops in prop::collection::vec((any::<u8>(), 0usize..100), 0..100),
    ) {
        slab_agrees_with_a_map(ops);
    }
}

#[test]
fn an_id_has_no_room_for_a_greater_slot() {
    assert_eq!((MAX_INDEX, GENERATIONS, MAX_LOOPS), ((1 << 24) - 1, 1 << 16, 1 << 24));
    let of_loop = TaskId::from_raw(u64::MAX).loop_id();
    assert_eq!(TaskId::new(of_loop, u32::MAX, MAX_INDEX).raw(), u64::MAX);
    catch_unwind(|| TaskId::new(of_loop, 0, MAX_INDEX + 1)).unwrap_err();
}

/// A queue of loop 7, and what stands in it, written as `t` with a slot, `root` or `call`.
fn queue() -> ReadyQueue {
    ReadyQueue::new(TaskId::from_raw(7 << 40).loop_id())
}

fn call(number: u32) -> Key {
    Key { index: number, generation: 3 }
}

fn spawn(queue: &mut ReadyQueue) -> TaskId {
    queue.insert(pending::<()>()).unwrap_or_else(|_| panic!("it is closed")).id()
}

fn name(entry: Option<ReadyEntry>) -> String {
    match entry {
        None => "nothing".to_owned(),
        Some(ReadyEntry::Task(task)) => format!("task {}", task.id().index()),
        Some(ReadyEntry::Call(key)) if key == ROOT_CALL => "root".to_owned(),
        Some(ReadyEntry::Call(key)) => format!("call {}", key.index),
    }
}

#[test]
fn tasks_the_root_and_callbacks_come_out_in_the_order_in_which_they_went_in() {
    let mut queue = queue();
    assert!(queue.is_empty() && queue.ready().is_empty());
    let first = spawn(&mut queue);
    queue.push_call(call(1));
    assert!(queue.wake(queue.root_id()) && !queue.wake(queue.root_id()), "once is enough");
    let second = spawn(&mut queue);
    queue.push_call(call(2));
    let root = queue.root_id();
    assert_eq!(queue.ready(), [Some(first), None, Some(root), Some(second), None]);
    assert_eq!((queue.batch(), queue.is_empty()), (5, false));
    let out: Vec<String> = (0..6).map(|_| name(queue.pop())).collect();
    assert_eq!(out, ["task 0", "call 1", "root", "task 1", "call 2", "nothing"]);
    assert_eq!((queue.batch(), queue.tasks(), queue.cancelled().count()), (0, 2, 0));
    queue.cancel(second);
    assert_eq!(queue.cancelled().collect::<Vec<_>>(), [second]);
}

#[test]
fn out_of_turn_an_entry_takes_no_other_along() {
    let filled = || {
        let mut queue = queue();
        queue.push_call(call(1));
        spawn(&mut queue);
        queue.push_call(call(2));
        spawn(&mut queue);
        queue.push_call(call(3));
        queue
    };
    let all = ["call 1", "task 0", "call 2", "task 1", "call 3"];
    for place in 0..all.len() {
        let mut queue = filled();
        assert_eq!(name(queue.pop_at(place)), all[place]);
        let rest: Vec<String> = (1..all.len()).map(|_| name(queue.pop())).collect();
        assert_eq!(rest, [&all[..place], &all[place + 1..]].concat());
    }
    assert_eq!(name(filled().pop_at(all.len())), "nothing");
}

#[test]
fn a_task_is_unqueued_only_if_it_stands_last() {
    let mut queue = queue();
    let (first, second) = (spawn(&mut queue), spawn(&mut queue));
    assert!(queue.unqueue_last(first).is_none());
    assert_eq!(queue.unqueue_last(second).map(|task| task.id()), Some(second));
    assert_eq!(queue.ready(), [Some(first)]);
    queue.push_call(call(1));
    assert!(queue.unqueue_last(first).is_none());
    assert_eq!(queue.ready(), [Some(first), None]);
}

#[test]
fn a_slot_is_used_again_and_the_id_of_its_earlier_task_finds_nothing() {
    let mut queue = queue();
    let (old, other) = (spawn(&mut queue), spawn(&mut queue));
    assert_eq!((queue.ids(), queue.tasks()), (vec![old, other], 2));
    assert_eq!(queue.remove(old.index()).map(|task| task.id()), Some(old));
    assert!(queue.remove(old.index()).is_none() && queue.remove(9).is_none());
    assert_eq!((queue.ids(), queue.tasks()), (vec![other], 1));
    let new = spawn(&mut queue);
    assert_eq!((new.index(), new == old), (old.index(), false));
    let count = queue.ready().len();
    assert!(queue.task(old).is_none() && !queue.wake(old) && !queue.cancel(old));
    assert_eq!(queue.ready().len(), count, "a stale id changes nothing");
    assert_eq!(queue.all().iter().map(|task| task.id()).collect::<Vec<_>>(), [new, other]);
}

#[test]
fn a_root_that_was_given_up_runs_nothing_and_takes_no_callback_along() {
    let mut queue = queue();
    queue.push_call(call(1));
    assert!(queue.wake(queue.root_id()));
    queue.push_call(call(2));
    queue.forget_root();
    assert_eq!(queue.root_state(), TaskState::Idle);
    assert_eq!(queue.ready(), [None, None, None]);
    assert_eq!(name(queue.pop()), "call 1");
    assert!(matches!(queue.pop(), Some(ReadyEntry::Call(key)) if key != ROOT_CALL));
    assert_eq!(name(queue.pop()), "call 2");
}

#[test]
fn a_root_that_is_woken_while_it_runs_runs_again() {
    let mut queue = queue();
    for woken in [false, true] {
        assert!(queue.wake(queue.root_id()));
        assert_eq!(name(queue.pop()), "root");
        queue.start_root();
        assert_eq!(queue.root_state(), TaskState::Running);
        assert!(!woken || !queue.wake(queue.root_id()), "it is not queued while it runs");
        assert_eq!((queue.pause_root(), queue.batch()), (woken, usize::from(woken)));
    }
}

#[test]
fn a_closed_queue_takes_no_task_and_hands_out_what_it_had() {
    let mut queue = queue();
    let ids = [(); 3].map(|()| spawn(&mut queue));
    queue.push_call(call(1));
    assert!(queue.remove(ids[1].index()).is_some());
    assert_eq!(queue.close().len(), 4);
    assert!(queue.is_empty() && queue.insert(ready(1)).is_err());
    let left: Vec<TaskId> = std::iter::from_fn(|| queue.pop_slot()).map(|t| t.id()).collect();
    assert_eq!((left, queue.tasks()), (vec![ids[2], ids[0]], 0));
}

/// Counts the bytes that each thread has taken and not given back.
struct Counting;

thread_local! {
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.set(BYTES.get() + layout.size() as isize);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get() - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// The memory that the next iteration gives back, with so many entries left of a burst.
fn given_back(burst: u32, left: usize) -> isize {
    let mut queue = queue();
    (0..burst).for_each(|number| queue.push_call(call(number)));
    while queue.ready().len() > left + 100 {
        (0..100).for_each(|_| drop(queue.pop()));
    }
    // These come out of turn, which is not when memory is given back.
    while queue.ready().len() > left {
        assert!(queue.pop_at(left).is_some());
    }
    let before = BYTES.get();
    assert_eq!(queue.batch(), left);
    before - BYTES.get()
}

#[test]
#[cfg_attr(
    miri,
    ignore = "thirty thousand entries take the interpreter minutes, and a queue is safe code"
)]
fn the_memory_of_a_burst_goes_back_when_it_is_over_and_that_of_a_common_load_stays() {
    let entry = size_of::<usize>() as isize;
    assert!(given_back(9000, 4095) >= (9000 - 4096) * entry, "the burst is over");
    assert_eq!(given_back(9000, 4096), 0, "it is not");
    assert_eq!(given_back(9000, 8500), 0);
    assert_eq!(given_back(4096, 10), 0, "so much is kept");
}

#[test]
fn a_task_without_a_value_says_why() {
    let says = |error: TaskError| {
        assert_eq!(format!("{error:?}"), error.to_string());
        error.to_string()
    };
    assert_eq!(says(TaskError::Cancelled), "the task was cancelled");
    assert_eq!(says(TaskError::Panicked(Box::new("no"))), "the task panicked: no");
    assert_eq!(says(TaskError::AwaitsItself), "the task awaits its own handle");
    assert!(says(TaskError::OnAnotherLoop).contains("run_coroutine_threadsafe"));
}

#[test]
fn the_running_task_knows_its_own_wakes_and_those_of_no_other() {
    let [outer, inner] = [1, 2].map(TaskId::from_raw);
    assert!(!running::wake(outer), "nothing runs");
    running::begin(outer);
    assert!(!running::wake(inner));
    assert!(!running::end(), "another was woken");
    running::begin(outer);
    assert!(running::wake(outer));
    assert!(running::end() && !running::wake(outer));
    running::begin(outer);
    assert!(!running::end(), "an earlier run was woken");
}

#[test]
fn what_a_task_knows_of_its_wakes_survives_a_task_that_runs_inside_its_step() {
    let [outer, inner] = [1, 2].map(TaskId::from_raw);
    for woken in [false, true] {
        running::begin(outer);
        assert!(!woken || running::wake(outer));
        let saved = running::save();
        running::begin(inner);
        assert!(!running::wake(outer) && (woken || running::wake(inner)));
        assert_eq!(running::end(), !woken);
        drop(saved);
        assert_eq!(running::end(), woken, "as it was before");
    }
    running::begin(outer);
    drop(running::save());
    assert!(running::wake(outer) && running::end(), "it runs on");
}

#[test]
fn the_place_where_a_task_was_made_is_known_until_it_ends() {
    let [made, other] = [1, 2].map(TaskId::from_raw);
    let (here, mut table) = (Location::caller(), MetadataTable::default());
    table.of(made).made_at = Some(here);
    table.of(other).name = Some("other".into());
    assert_eq!((table.made_at(made), table.made_at(other)), (Some(here), None));
    assert_eq!((table.name(made), table.name(other).as_deref()), (None, Some("other")));
    assert!(table.remove(made).is_some() && table.remove(made).is_none());
    assert_eq!(table.made_at(made), None);
}

#[test]
fn an_output_is_fetched_once() {
    let cx = &mut Context::from_waker(Waker::noop());
    let task = TaskOf::new(TaskId::from_raw(1), ready(7));
    assert!(task.poll_join(cx).is_pending());
    assert!(matches!(task.run(cx), StepEnd::Done(end) if end.joiner.is_some()));
    assert!(matches!(task.poll_join(cx), Poll::Ready(Ok(7))));
    let again = catch_unwind(AssertUnwindSafe(|| {
        task.poll_join(&mut Context::from_waker(Waker::noop())).is_ready()
    }));
    let said = again.unwrap_err();
    assert_eq!(said.downcast_ref(), Some(&"a task's output was awaited a second time"));
}
