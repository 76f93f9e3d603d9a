//! Memory for tasks: blocks are apart from each other, keep what is in them, and go back.

mod common;

use common::watchdog;
use proptest::prelude::*;
use singletrack::EventLoop;
use singletrack::event_loop::Task;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::sys::memory::{Pages, SharedWords};
use singletrack::task::arena::{self, Arena};
use std::alloc::Layout;
use std::cell::RefCell;
use std::fs::File;
use std::future::pending;
use std::io::ErrorKind;
use std::os::fd::FromRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;

/// A block that is in use, and the byte that was written into all of it.
struct Block {
    start: NonNull<u8>,
    layout: Layout,
    mark: u8,
}

impl Block {
    fn take(arena: &Arena, layout: Layout, mark: u8) -> Block {
        let start = arena.take(layout);
        assert_eq!(start.addr().get() % layout.align(), 0, "aligned as asked for");
        // SAFETY: the block is new and as long as its layout says.
        unsafe { start.write_bytes(mark, layout.size()) };
        Block { start, layout, mark }
    }

    fn give_back(self, arena: &Arena) {
        // SAFETY: `take` filled it, and no other block overlaps it: that is what is tested.
        let bytes = unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.layout.size()) };
        assert!(bytes.iter().all(|byte| *byte == self.mark), "nothing else wrote into the block");
        // SAFETY: it came from this arena with this layout, and is not used again.
        unsafe { arena.give_back(self.start, self.layout) };
    }
}

#[derive(Debug, Clone)]
enum Op {
    Take(Layout),
    /// Gives back one of those that are in use; this number picks which.
    GiveBack(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let layout = (1..700usize, 0..6u32)
        .prop_map(|(size, align)| Layout::from_size_align(size, 1 << align).unwrap());
    prop_oneof![3 => layout.prop_map(Op::Take), 2 => any::<usize>().prop_map(Op::GiveBack)]
}

proptest! {
    #[test]
    fn blocks_are_apart_and_keep_what_is_in_them(ops in prop::collection::vec(op(), 0..200)) {
        let (arena, mut blocks) = (Arena::default(), Vec::new());
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                Op::Take(layout) => blocks.push(Block::take(&arena, layout, number as u8)),
                Op::GiveBack(which) if !blocks.is_empty() => {
                    let which = which % blocks.len();
                    blocks.swap_remove(which).give_back(&arena);
                }
                Op::GiveBack(_) => {}
            }
        }
        blocks.into_iter().for_each(|block| block.give_back(&arena));
        prop_assert_eq!(arena.in_use(), 0);
    }
}

#[test]
fn a_block_that_was_given_back_is_the_next_of_its_size() {
    let arena = Arena::default();
    let small = Layout::new::<[u64; 4]>();
    let first = Block::take(&arena, small, 1);
    let _other_size = arena.take(Layout::new::<[u64; 9]>());
    let place = first.start;
    first.give_back(&arena);
    assert_ne!(arena.take(Layout::new::<[u64; 9]>()), place);
    assert_eq!(arena.take(small), place);
}

#[test]
#[cfg_attr(miri, ignore = "megabytes, and madvise, which Miri does not know")]
fn the_kernels_memory_goes_back_with_the_last_block() {
    let (arena, layout) = (Arena::default(), Layout::new::<[u64; 8]>());
    let mut blocks: Vec<_> = (0..200_000).map(|_| Block::take(&arena, layout, 7)).collect();
    assert!(arena.mapped() >= 200_000 * layout.size());
    let last = blocks.pop().unwrap();
    blocks.into_iter().for_each(|block| block.give_back(&arena));
    assert!(arena.mapped() >= 200_000 * layout.size(), "one block holds it all");
    last.give_back(&arena);
    assert_eq!(arena.mapped(), 64 << 10, "the first chunk is kept");
    Block::take(&arena, layout, 9).give_back(&arena);
}

#[test]
fn a_retired_arena_has_no_memory_once_no_block_is_in_use() {
    let (arena, layout) = (Arena::new(), Layout::new::<[u64; 8]>());
    let kept = Block::take(&arena, layout, 1);
    arena.retire();
    assert_eq!(arena.mapped(), 64 << 10);
    let late = Block::take(&arena, layout, 2);
    kept.give_back(&arena);
    assert_eq!(arena.mapped(), 64 << 10);
    late.give_back(&arena);
    assert_eq!(arena.mapped(), 0);
    Block::take(&arena, layout, 3).give_back(&arena); // it serves later callers, too
    assert_eq!(arena.mapped(), 0);
}

#[test]
fn what_is_small_and_plain_comes_from_the_chunks_and_all_else_from_the_heap() {
    let arena = Arena::new();
    let layout = |size, align| Layout::from_size_align(size, align).unwrap();
    let heap = Block::take(&arena, layout(513, 8), 1);
    let aligned = Block::take(&arena, layout(16, 16), 2);
    assert_eq!((arena.in_use(), arena.mapped()), (0, 0));
    let mut blocks = Vec::new();
    for size in 1..=512 {
        blocks.push(Block::take(&arena, layout(size, 8), size as u8));
        assert_eq!(arena.in_use(), size, "a block of {size} bytes");
    }
    for (count, block) in blocks.into_iter().enumerate() {
        block.give_back(&arena);
        assert_eq!(arena.in_use(), 511 - count);
    }
    [heap, aligned].into_iter().for_each(|block| block.give_back(&arena));
}

#[test]
fn a_block_of_no_bytes_is_refused() {
    let arena = Arena::new();
    let taken = catch_unwind(AssertUnwindSafe(|| arena.take(Layout::new::<()>())));
    assert!(taken.is_err() && arena.in_use() == 0);
}

#[test]
#[cfg_attr(miri, ignore = "leaks, as it promises")]
fn a_block_that_is_in_use_outlives_its_arena() {
    let arena = Arena::new();
    let block = Block::take(&arena, Layout::new::<[u64; 8]>(), 1);
    drop(arena);
    // SAFETY: the arena has left its memory to the block.
    let bytes = unsafe { std::slice::from_raw_parts_mut(block.start.as_ptr(), 64) };
    bytes.iter_mut().for_each(|byte| *byte += 1);
    assert_eq!(bytes, [2; 64]);
}

/// Bytes of address space that this process has.
fn address_space() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<usize>().unwrap() * 4096
}

/// A chunk has 64 KiB. What other tests of this program take meanwhile is less than half of what
/// would be lost.
#[test]
#[cfg_attr(miri, ignore = "thousands of chunks and threads")]
fn chunks_go_back_with_their_arena_and_with_their_thread() {
    let _watchdog = watchdog("chunks that go back", 60);
    let layout = Layout::new::<[u64; 8]>();
    let before = address_space();
    for _ in 0..16_384 {
        let arena = Arena::new();
        Block::take(&arena, layout, 1).give_back(&arena);
        assert_eq!(arena.mapped(), 64 << 10);
    }
    assert!(address_space() < before + (512 << 20), "of 1 GiB");
    for _ in 0..4096 {
        let block = move || arena::take(layout);
        // SAFETY: it was taken on this thread, and is not used.
        let thread = std::thread::spawn(move || unsafe { arena::give_back(block(), layout) });
        thread.join().unwrap();
    }
    assert!(address_space() < before + (128 << 20), "of 256 MiB");
}

type Leftovers = (Task<()>, Task<Rc<String>>);

/// A task that is never done, and the handle of one that is, with a value on the heap.
fn leftovers() -> Leftovers {
    let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
    let never = event_loop.create_task(pending());
    let done = event_loop.create_task(async { Rc::new("value".to_owned()) });
    event_loop.run_once().unwrap();
    assert!(done.done() && !never.done());
    (never, done)
}

thread_local! {
    static KEPT: RefCell<Option<Leftovers>> = const { RefCell::new(None) };
}

#[test]
fn a_handle_outlives_its_loop_and_its_threads_arena() {
    let _watchdog = watchdog("handles that outlive their thread", 60);
    // Thread-locals go in an order that depends on which was used first: both.
    let keeper_first = || {
        KEPT.with(|kept| drop(kept.take()));
        KEPT.set(Some(leftovers()));
    };
    let arena_first = || {
        let kept = leftovers();
        assert_eq!(kept.1.peek(|value| value.len()), Some(5));
        KEPT.set(Some(kept));
    };
    std::thread::spawn(keeper_first).join().unwrap();
    std::thread::spawn(arena_first).join().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "Miri has neither so many addresses nor these files")]
fn memory_that_is_refused_is_an_error() {
    let error = Pages::map(1 << 47).expect_err("as much as there are addresses");
    assert!(error.raw_os_error().is_some(), "{error}"); // ENOMEM; of Valgrind's system EINVAL
    let error = Pages::map(0).expect_err("no bytes at all");
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no files in memory")]
fn words_of_a_file_that_could_become_shorter_are_refused() {
    // SAFETY: the name is a C string; the call gives a descriptor that nothing else owns.
    let open = unsafe {
        let file =
            libc::memfd_create(c"open".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING);
        File::from_raw_fd(file)
    };
    open.set_len(1 << 12).unwrap();
    let refused = |file: &File| SharedWords::of_file(file).unwrap_err().kind();
    assert_eq!(refused(&open), ErrorKind::InvalidInput);
    assert_eq!(refused(&File::open("/proc/self/exe").unwrap()), ErrorKind::InvalidInput);
    let (words, file) = SharedWords::in_file(512).unwrap();
    assert!(file.set_len(8).is_err(), "nobody can make it shorter");
    assert_eq!(SharedWords::of_file(&file).unwrap().words().len(), words.words().len());
}
