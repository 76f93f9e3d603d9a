//! What holds for any bytes that are read as an image of Python values, or of a whole world.
//!
//! *Promises*: the fuzz target `python_image`, the property tests and the replay of the seeds check the
//! same.
#![allow(dead_code)] // each test and each fuzz target uses its own part

use singletrack::python::code::program::Program;
use singletrack::python::explore::fingerprint::Fingerprints;
use singletrack::python::library::rows::rows;
use singletrack::python::machine::interpreter::Machine;
use singletrack::python::machine::world::World;
use singletrack::python::run::program;
use singletrack::python::value::any::Value;
use singletrack::python::value::frame::Then;
use singletrack::python::value::types::Type;
use std::sync::{Arc, OnceLock};

/// A program with most kinds of objects among its globals.
pub const OBJECTS: &str = "\
import threading, queue, collections, itertools
class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y
    def sum(self): return self.x + self.y
class Point3(Point):
    pass
def add(a, b=2, *, c=3): return a + b + c
def outer():
    n = 5
    def inner(): return n
    return inner
shared = [1, 2.5, 'three', None, True, (4, (5,))]
table = {1: 'one', 'two': [2], (3, 'x'): {4, 5}, None: -1.5}
p = Point(1, Point3(2, shared))
p.self = p
d = collections.deque([1, 2], 5)
c = collections.Counter('hello')
dd = collections.defaultdict(list)
r = range(1, 10, 3)
method = p.sum
closure = outer()
view = table.items()
numbers = itertools.count(5)
pairs = enumerate(zip([1, 2, 3], 'abc'), 3)
mapped = map(str, r)
lock = threading.RLock()
event = threading.Event()
q = queue.Queue()
q.put(shared)
error = ValueError('bad', 3)
kind = int
";

fn compiled() -> Arc<Program> {
    static PROGRAM: OnceLock<Arc<Program>> = OnceLock::new();
    Arc::clone(PROGRAM.get_or_init(|| program(OBJECTS).unwrap_or_else(|no| panic!("{no}"))))
}

/// Machines whose main thread has run to its end.
pub fn run() -> Machine {
    let mut machine = Machine::new(compiled(), rows());
    machine.enter(0);
    while !machine.current.has_ended() && machine.execute().is_ok() {}
    assert_eq!(machine.current.failure, None);
    machine
}

/// Uses all that can be reached, as a program would.
pub fn use_all(machine: &mut Machine) {
    let globals = vec![Value::Unset; machine.world.globals.len()];
    let _ = Fingerprints::new(&World { globals, ..World::default() }).of(&machine.world);
    machine.sweep();
    for at in 0..machine.world.globals.len() {
        use_value(machine, machine.world.globals[at]);
    }
    let _ = machine.world_image();
}

fn use_value(machine: &mut Machine, value: Value) {
    let _ = machine.value_image(value);
    let _ = machine.length(value);
    if matches!(machine.type_of(value), Type::Zip | Type::Enumerate) {
        let _ = machine.next_item(value, Then::Discard);
    }
}

/// An image of this program's own, of one of its globals or of its world, with some bytes changed: two
/// of the input's bytes are a place, the third stands there.
fn spoilt(image: Option<Vec<u8>>, changes: &[u8]) -> Vec<u8> {
    let mut image = image.unwrap_or_default();
    for change in changes.chunks_exact(3).take(32) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        if let Some(byte) = image.get_mut(place) {
            *byte = change[2];
        }
    }
    image
}

/// The first byte says of what: a value, or a world; and whether the rest is the image, or what is
/// changed in one of our own.
pub fn check_any_image(input: &[u8]) {
    match input.split_first() {
        Some((of, image)) if of.is_multiple_of(4) => check_value(&mut run(), image),
        Some((of, image)) if of % 4 == 1 => check_world(image),
        Some((of, changes)) if of % 4 == 2 => {
            let mut machine = run();
            let value = machine.world.globals[usize::from(of / 4) % machine.world.globals.len()];
            let image = spoilt(machine.value_image(value).ok(), changes);
            check_value(&mut machine, &image);
        }
        Some((_, changes)) => check_world(&spoilt(run().world_image().ok(), changes)),
        None => {}
    }
}

/// They are refused in one line, or a value that can be used as if this machine had made it; and whose
/// image is read again, and is the same.
fn check_value(machine: &mut Machine, image: &[u8]) {
    let value = match machine.value_from(image) {
        Ok(value) => value,
        Err(why) => return assert!(!why.contains('\n'), "{why:?}"),
    };
    use_value(machine, value);
    if let Ok(image) = machine.value_image(value) {
        let again = machine.value_from(&image).expect("what was written is read");
        assert_eq!(machine.value_image(again).ok(), Some(image));
    }
}

/// The same of a world.
fn check_world(image: &[u8]) {
    let mut machine = match Machine::world_from(&compiled(), rows(), image) {
        Ok(machine) => machine,
        Err(why) => return assert!(!why.contains('\n'), "{why:?}"),
    };
    machine.enter(0);
    use_all(&mut machine);
    if let Ok(image) = machine.world_image() {
        let again = Machine::world_from(&compiled(), rows(), &image);
        let mut again = again.expect("what was written is read");
        again.enter(0);
        assert_eq!(again.world_image().ok(), Some(image));
    }
}
