//! Images of values and of worlds: what was written is read again as it was, what cannot be written is
//! refused as CPython refuses it, and bytes that are no image are an error.
#![cfg(feature = "python")]

#[path = "common/cases.rs"]
mod cases;
mod common;
use cases::cases;
use common::watchdog;
use proptest::prelude::*;
use singletrack::python::code::program::Program;
use singletrack::python::explore::fingerprint::Fingerprints;
use singletrack::python::image::item::{Datum, Image, Item};
use singletrack::python::library::rows::rows;
use singletrack::python::machine::interpreter::Machine;
use singletrack::python::machine::world::{Thread, World};
use singletrack::python::run::program;
use singletrack::python::value::any::Value;
use singletrack::python::value::frame::Then;
use singletrack::python::value::types::Type;
use std::fs;
use std::sync::Arc;

const ALL: &str = "\
import threading, queue, collections, itertools
from concurrent.futures import ThreadPoolExecutor, Future
class Point:
    kind = 'point'
    def __init__(self, x, y):
        self.x = x
        self.y = y
    def __repr__(self): return f'Point({self.x}, {self.y})'
    def sum(self): return self.x + self.y
class Point3(Point):
    pass
def add(a, b=2, *, c=3): return a + b + c
def outer():
    n = 5
    def inner(): return n
    return inner
shared = [1, 2.5, 'three', None, True, (4, (5,))]
shared.append(shared)
table = {1: 'one', 'two': [2], (3, 'x'): {4, 5}, None: -1.5}
table.pop(1)
p = Point(1, Point3(2, shared))
p.self = p
d = collections.deque([1, 2], 5)
c = collections.Counter('hello')
dd = collections.defaultdict(list)
dd['k'].append(p)
r = range(1, 10, 3)
method = Point(1, 2).sum
closure = outer()
names = iter(['a', 'b', 'c'])
next(names)
keys = {1: 2, 3: 4}
view = keys.items()
at = iter(keys)
next(at)
numbers = itertools.count(5)
pairs = enumerate(zip([1, 2, 3], 'abc'), 3)
next(pairs)
mapped = map(str, r)
lock = threading.Lock()
rlock = threading.RLock()
rlock.acquire()
condition = threading.Condition()
event = threading.Event()
event.set()
semaphore = threading.Semaphore(3)
q = queue.Queue()
q.put(shared)
local = threading.local()
local.x = 1
error = ValueError('bad', 3)
future = Future()
future.set_result([1])
pool = ThreadPoolExecutor(2)
squares = (n * n for n in range(3))
kind = int
f = len
m = threading
";

fn begun(text: &str) -> Machine {
    let program = program(text).unwrap_or_else(|refusal| panic!("{refusal}"));
    Machine::new(program, rows())
}

/// Lets the main thread execute so many instructions, alone.
fn execute(machine: &mut Machine, most: usize) {
    machine.enter(0);
    for _ in 0..most {
        if machine.current.has_ended() || machine.execute().is_err() {
            return;
        }
    }
}

fn run(text: &str) -> Machine {
    let mut machine = begun(text);
    execute(&mut machine, 1_000_000);
    assert!(machine.current.has_ended());
    assert_eq!(machine.current.failure, None);
    machine
}

/// The number of a world, of which nothing is known before.
fn fingerprint(world: &World) -> u128 {
    let globals = vec![Value::Unset; world.globals.len()];
    Fingerprints::new(&World { globals, ..World::default() }).of(world)
}

/// What of a world is in an image.
fn bare(machine: &Machine) -> World {
    let object = match machine.current.object {
        None => machine.world.threads[0].object,
        object => object,
    };
    let threads = vec![Arc::new(Thread { object, ..Thread::default() })];
    World { threads, output: Arc::default(), ..machine.world.clone() }
}

fn again(program: &Arc<Program>, bytes: &[u8]) -> Result<Machine, String> {
    let mut machine = Machine::world_from(program, rows(), bytes)?;
    machine.enter(0);
    Ok(machine)
}

fn global(machine: &Machine, name: &str) -> Value {
    let at = machine.program.globals.iter().position(|global| **global == *name).unwrap();
    machine.world.globals[at]
}

fn assert_world_comes_back(machine: &Machine) {
    let bytes = machine.world_image().unwrap();
    let read = again(&machine.program, &bytes).unwrap();
    assert_eq!(fingerprint(&bare(machine)), fingerprint(&bare(&read)));
    assert_eq!(read.world_image().unwrap(), bytes);
}

/// A world in which every kind of object is, but none that an image loses: a generator under way.
#[test]
fn a_world_comes_back_as_it_was() {
    let text = ALL.replace("squares = (n * n for n in range(3))\n", "");
    let machine = run(&text.replace("table.pop(1)\n", ""));
    assert_world_comes_back(&machine);
    let other = run(&text.replace("table.pop(1)\n", "table.pop(1)\nlast = 1\n"));
    assert_ne!(fingerprint(&bare(&machine)), fingerprint(&bare(&other)));
}

#[test]
fn the_world_of_every_program_comes_back() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "py") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        if text.contains("yield") || text.contains("threading") || text.contains("futures") {
            continue;
        }
        let mut machine = begun(&text);
        for _ in 0..10 {
            execute(&mut machine, 700);
            let bytes = machine.world_image().unwrap();
            let read = again(&machine.program, &bytes).unwrap();
            assert_eq!(read.world_image().unwrap(), bytes, "{}", path.display());
        }
    }
}

/// Calls a function without arguments in a world.
fn called(machine: &mut Machine, name: &str) -> String {
    let function = global(machine, name);
    let none = singletrack::python::machine::terms::Arguments::default();
    let then = singletrack::python::value::frame::Then::Discard;
    machine.call_value(function, none, then).unwrap();
    while !machine.current.has_ended() {
        machine.execute().unwrap();
    }
    assert_eq!(machine.current.failure, None);
    machine.world.output.to_string()
}

#[test]
fn the_program_goes_on_in_the_world_that_was_read() {
    let text = format!(
        "{ALL}def show():\n    print(shared[:6], table, p.x, p.y.y is shared, p.self is p, method())\n    \
         print(d, c['l'], dd['k'][0] is p, dd['new'], list(r), closure(), next(names), next(at))\n    \
         print(list(view), next(numbers), lock.locked(), event.is_set(), q.get() is shared)\n    \
         print(local.x, error, future.result(), kind('7'), f('abc'), add(1), isinstance(p.y, Point))\n    \
         with rlock:\n        rlock.release()\n        rlock.acquire()\n    \
         print(pool.submit(add, 1).done(), next(pairs), list(mapped))\n    try:\n        next(squares)\n    except ValueError as e:\n        print(e)\n"
    );
    let machine = run(&text);
    let bytes = machine.world_image().unwrap();
    let mut read = again(&machine.program, &bytes).unwrap();
    let expected = "[1, 2.5, 'three', None, True, (4, (5,))] {'two': [2], (3, 'x'): {4, 5}, None: -1.5} \
                    1 True True 3\ndeque([1, 2], maxlen=5) 2 True [] [1, 4, 7] 5 b 3\n[(1, 2), (3, 4)] \
                    5 False True True\n1 ('bad', 3) [1] 7 3 6 True\nFalse (4, (2, 'b')) ['1', '4', '7']\ngenerator already executing\n";
    assert_eq!(called(&mut read, "show"), expected);
}

#[test]
fn values_come_back_and_functions_and_classes_go_by_name() {
    let text = format!(
        "{ALL}value = [shared[:6], p, table, r, c, dd, d, add, Point3, error, kind, f, method]\n"
    );
    let machine = run(&text);
    let bytes = machine.value_image(global(&machine, "value")).unwrap();
    let mut other = run(&text);
    let value = other.value_from(&bytes).unwrap();
    let shown = |machine: &mut Machine, value| machine.plain_repr(value).unwrap();
    let items = |machine: &mut Machine, value| machine.items(value).unwrap();
    let read = items(&mut other, value);
    assert_eq!(read[7], global(&other, "add"));
    assert_eq!(read[8], global(&other, "Point3"));
    assert_eq!(shown(&mut other, read[0]), "[1, 2.5, 'three', None, True, (4, (5,))]");
    assert_eq!(shown(&mut other, read[2]), "{'two': [2], (3, 'x'): {4, 5}, None: -1.5}");
    assert_eq!(shown(&mut other, read[9]), "ValueError('bad', 3)");
    assert_eq!(other.value_image(value).unwrap(), bytes);
}

#[test]
fn what_cpython_cannot_pickle_is_refused_with_its_words() {
    let text = format!(
        "{ALL}g = squares\nloc = threading.local()\nk = keys.keys()\nt = threading.Thread()\nla = lambda: 1\n"
    );
    let machine = run(&text);
    for (name, class, says) in [
        ("lock", "TypeError", "cannot pickle '_thread.lock' object"),
        ("rlock", "TypeError", "cannot pickle '_thread.RLock' object"),
        ("condition", "TypeError", "cannot pickle '_thread.RLock' object"),
        ("event", "TypeError", "cannot pickle '_thread.lock' object"),
        ("semaphore", "TypeError", "cannot pickle '_thread.lock' object"),
        ("q", "TypeError", "cannot pickle '_thread.lock' object"),
        ("t", "TypeError", "cannot pickle '_thread.lock' object"),
        ("loc", "TypeError", "cannot pickle '_thread._local' object"),
        ("g", "TypeError", "cannot pickle 'generator' object"),
        ("k", "TypeError", "cannot pickle 'dict_keys' object"),
        ("m", "TypeError", "cannot pickle 'module' object"),
        ("future", "TypeError", "cannot pickle '_thread.lock' object"),
        (
            "la",
            "PicklingError",
            "Can't pickle <function <lambda>>: attribute lookup <lambda> on __main__ failed",
        ),
        ("closure", "AttributeError", "Can't pickle local object 'outer.<locals>.inner'"),
    ] {
        let refused = machine.value_image(global(&machine, name)).unwrap_err();
        assert_eq!((refused.class, refused.text.as_str()), (class, says), "{name}");
    }
}

#[test]
fn bytes_that_are_no_image_of_this_program_are_an_error() {
    let machine = run(ALL);
    let bytes = machine.world_image().unwrap();
    let value = machine.value_image(global(&machine, "table")).unwrap();
    for (bytes, of_value) in [(&bytes, false), (&value, true)] {
        for length in (0..bytes.len()).step_by(7) {
            let cut = &bytes[..length];
            match of_value {
                true => assert!(begun(ALL).value_from(cut).is_err()),
                false => assert!(again(&machine.program, cut).is_err()),
            }
        }
    }
    assert!(again(&machine.program, &value).is_err(), "a value is no world");
    assert!(begun(ALL).value_from(&bytes).is_err(), "a world is no value");
    assert!(again(&begun("x = 1\n").program, &bytes).is_err(), "of another program");
}

/// Names are cheap in an image: to follow each of them again would never end.
#[test]
fn what_names_one_object_often_is_read_at_once() {
    let _dog = watchdog("what_names_one_object_often", 60);
    let often = |datum| Item::Tuple(vec![datum; 200_000]);
    let items = vec![often(Datum::Item(1)), often(Datum::Int(0))];
    let image = Image { items, roots: vec![Datum::Item(0)], ..Image::default() };
    assert!(begun("x = 1\n").value_from(&postcard::to_allocvec(&image).unwrap()).is_ok());
}

/// A step of an iterator is a call for each that it holds: one that holds itself would never end.
#[test]
fn a_zip_that_holds_itself_is_an_error() {
    let zip = |of, steps| Item::Zip { of, steps, counted: false };
    let parts = |places: &[u32]| Item::Tuple(places.iter().map(|at| Datum::Item(*at)).collect());
    let read = |items: Vec<Item>| {
        let image = Image { items, roots: vec![Datum::Item(0)], ..Image::default() };
        begun("x = 1\n").value_from(&postcard::to_allocvec(&image).unwrap())
    };
    for steps in 0..=255 {
        assert!(read(vec![zip(1, steps), parts(&[0])]).is_err(), "itself");
        let each_other = vec![zip(1, steps), parts(&[2]), zip(3, steps), parts(&[0])];
        assert!(read(each_other).is_err(), "each other");
    }
    assert!(read(vec![zip(1, 3), parts(&[2]), Item::Exhausted]).is_err(), "counted wrongly");
    assert!(read(vec![zip(1, 101), parts(&[2; 100]), Item::Exhausted]).is_err(), "too many");
    assert!(read(vec![zip(2, 2), parts(&[2]), Item::Exhausted]).is_err(), "no tuple");
    let map = Item::Map { call: Datum::None, of: 0 };
    assert!(read(vec![map]).is_err(), "a map of itself");
    let twice = vec![zip(1, 5), parts(&[2, 2]), zip(3, 2), parts(&[4]), Item::Exhausted];
    assert!(read(twice).is_ok());
}

/// Uses all that can be reached, as a program would.
fn use_all(machine: &mut Machine) {
    let _ = fingerprint(&machine.world);
    machine.sweep();
    for at in 0..machine.world.globals.len() {
        let value = machine.world.globals[at];
        let _ = machine.value_image(value);
        let _ = machine.length(value);
        if matches!(machine.type_of(value), Type::Zip | Type::Enumerate) {
            let _ = machine.next_item(value, Then::Discard);
        }
    }
    let _ = machine.world_image();
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = begun("x = 1\n").value_from(&bytes);
        let _ = again(&begun("x = 1\n").program, &bytes);
    }

    #[test]
    fn an_image_with_wrong_bytes_is_an_error_or_a_world(
        wrong in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let machine = run(ALL);
        let mut bytes = machine.world_image().unwrap();
        for (at, byte) in wrong {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(mut read) = again(&machine.program, &bytes) {
            use_all(&mut read);
        }
    }

    #[test]
    fn a_world_in_the_middle_comes_back(steps in 0_usize..6000) {
        let mut machine = begun(ALL);
        execute(&mut machine, steps);
        let bytes = machine.world_image().unwrap();
        let read = again(&machine.program, &bytes).unwrap();
        prop_assert_eq!(read.world_image().unwrap(), bytes);
    }
}
