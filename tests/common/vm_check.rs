//! What must hold for every program, whatever bytes it is made of.
//!
//! *Promises*: the fuzz targets `vm_verify_run` and `assembler_text` and the property tests
//! check the same things: these.
//! *Leaves out*: real threads.
//!
//! ```text
//!   bytes ─┬─▶ any_program ────▶ verifier ──▶ mostly refused; else run: no panic, fuel holds
//!          ├─▶ proper_program ─▶ verifier ──▶ never refused; run; compare with a naive
//!          │         │                          interpreter; print and read again
//!          └─▶     spoilt ─────▶ verifier ──▶ sometimes refused; else run and compared as well
//! ```
#![allow(dead_code)] // each test and each fuzz target uses its own part

use singletrack::gil::rules::policy::SwitchPolicy;
use singletrack::vm::assembler::assemble;
use singletrack::vm::disassembler::dis;
use singletrack::vm::op::{OPCODES, Op};
use singletrack::vm::program::{
    Condition, EntryPoint, Function, Global, Instruction, Position, Program, Semaphore,
};
use singletrack::vm::verifier::Verified;
use singletrack::vm::world::{Ending, World};

/// Choices made by bytes; when there are no more, every choice is 0.
struct Choices<'b>(std::slice::Iter<'b, u8>);

impl Choices<'_> {
    fn below(&mut self, count: u8) -> u8 {
        self.0.next().map_or(0, |byte| byte % count.max(1))
    }
}

/// A program that is probably nonsense: the bytes choose opcodes and numbers.
pub fn any_program(bytes: &[u8]) -> Program {
    let mut choices = Choices(bytes.iter());
    let names = |count: u8| (0..count).map(|i| format!("n{i}")).collect::<Vec<String>>();
    let mut program = Program {
        globals: names(choices.below(3))
            .into_iter()
            .map(|name| Global { name, value: 1 })
            .collect(),
        locks: names(choices.below(3)),
        constants: (0..i64::from(choices.below(4))).collect(),
        events: names(2),
        semaphores: vec![Semaphore { name: "n0".to_owned(), permits: 1 }],
        ..Program::default()
    };
    let locks = 0..program.locks.len() as u16;
    program.conditions = locks.map(|lock| Condition { name: format!("n{lock}"), lock }).collect();
    for at in 0..choices.below(3) + 1 {
        let parameters = usize::from(choices.below(3));
        let code = (0..choices.below(24)).map(|_| {
            let opcode = &OPCODES[usize::from(choices.below(OPCODES.len() as u8))];
            let op = (opcode.make)(u16::from(choices.below(12)));
            Instruction { op, position: Position::default() }
        });
        let (code, name) = (code.collect(), format!("f{at}"));
        let locals = names(3);
        let position = Position::default();
        program.functions.push(Function { name, parameters, locals, code, position });
    }
    for _ in 0..choices.below(3) + 1 {
        let function = u16::from(choices.below(4));
        let arguments = vec![2; usize::from(choices.below(3))];
        program.threads.push(EntryPoint { function, arguments, position: Position::default() });
    }
    program
}

/// A program with one instruction that does not belong there: the bytes, from the last one on, choose
/// its place and what it is.
fn spoilt(mut program: Program, bytes: &[u8]) -> Program {
    let bytes: Vec<u8> = bytes.iter().rev().copied().collect();
    let mut choices = Choices(bytes.iter());
    let functions = program.functions.len() as u8;
    let code = &mut program.functions[usize::from(choices.below(functions))].code;
    let at = usize::from(choices.below(code.len().min(255) as u8));
    let opcode = &OPCODES[usize::from(choices.below(OPCODES.len() as u8))];
    code[at].op = (opcode.make)(u16::from(choices.below(4)));
    program
}

/// What a proper program may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// How many threads.
    pub threads: u8,
    /// At most so many statements in a row.
    pub statements: u8,
    /// Loops that wait for another thread, perhaps for ever.
    pub spins: bool,
    /// Each thread has a global and a lock of its own, and uses no other.
    pub private: bool,
}

/// A program that can run: functions are made of whole statements.
pub fn proper_program(bytes: &[u8], style: Style) -> Program {
    let mut builder =
        Builder { choices: Choices(bytes.iter()), style, text: String::new(), fresh: 0 };
    for name in 0..style.threads.max(2) {
        builder.text += &format!(
            "global g{name} = 0\nlock l{name}\nevent e{name}\ncondition c{name}(l{name})\n\
             semaphore s{name} = 1\nexpect g{name} < 3\n"
        );
    }
    builder.text += "def helper(n):\n LOAD_FAST n\n LOAD_CONST 1\n ADD\n RETURN_VALUE\n";
    for thread in 0..style.threads {
        builder.text += &format!("thread t{thread}(1)\ndef t{thread}(a):\n");
        builder.block(thread, 2);
        builder.text += " LOAD_FAST a\n RETURN_VALUE\n";
    }
    assemble(&builder.text).unwrap_or_else(|error| panic!("{error} in\n{}", builder.text))
}

/// Writes statements.
struct Builder<'b> {
    choices: Choices<'b>,
    style: Style,
    text: String,
    /// Makes names unique.
    fresh: usize,
}

impl Builder<'_> {
    fn block(&mut self, thread: u8, depth: u8) {
        for _ in 0..=self.choices.below(self.style.statements) {
            self.statement(thread, depth);
        }
    }

    /// One of the two globals or locks, or the thread's own.
    fn shared(&mut self, thread: u8) -> u8 {
        if self.style.private { thread } else { self.choices.below(2) }
    }

    fn statement(&mut self, thread: u8, depth: u8) {
        self.fresh += 1;
        let (new, shared) = (self.fresh, self.shared(thread));
        let number = self.choices.below(3);
        let kinds = if depth == 0 { 7 } else { 10 };
        match self.choices.below(kinds) {
            0 => {
                self.text += &format!(
                    " LOAD_GLOBAL g{shared}\n LOAD_CONST {number}\n ADD\n STORE_GLOBAL g{shared}\n"
                )
            }
            1 => self.text += &format!(" LOAD_GLOBAL g{shared}\n STORE_FAST a\n"),
            2 => self.text += &format!(" LOAD_FAST a\n STORE_GLOBAL g{shared}\n"),
            3 => {
                self.text +=
                    " LOAD_FAST a\n CALL helper\n CALL_C_FAST\n BEFORE_WITH\n STORE_FAST a\n"
            }
            4 => self.text += " CALL_BLOCKING\n LOAD_FAST a\n POP_TOP\n SLEEP 0\n CALL_C\n",
            5 if self.style.spins => {
                self.text += &format!(
                    "on{new}:\n LOAD_GLOBAL g{shared}\n LOAD_CONST {number}\n LESS_THAN\n \
                     POP_JUMP_IF_FALSE out{new}\n JUMP_BACKWARD on{new}\nout{new}:\n"
                );
            }
            5 => self.text += " LOAD_FAST a\n LOAD_CONST 3\n SUBTRACT\n STORE_FAST a\n",
            6 => self.synchronise(shared),
            7 => {
                self.text += &format!(
                    " LOAD_GLOBAL g{shared}\n LOAD_CONST {number}\n LESS_THAN\n \
                     POP_JUMP_IF_FALSE else{new}\n"
                );
                self.block(thread, depth - 1);
                self.text += &format!(" JUMP_FORWARD out{new}\nelse{new}:\n SLEEP 0\nout{new}:\n");
            }
            8 => {
                self.text += &format!(
                    " LOAD_CONST 0\n STORE_FAST i{new}\non{new}:\n LOAD_FAST i{new}\n LOAD_CONST \
                     {number}\n LESS_THAN\n POP_JUMP_IF_FALSE out{new}\n"
                );
                self.block(thread, depth - 1);
                self.text += &format!(
                    " LOAD_FAST i{new}\n LOAD_CONST 1\n ADD\n STORE_FAST i{new}\n JUMP_BACKWARD \
                     on{new}\nout{new}:\n"
                );
            }
            _ => {
                let other = 1 - shared.min(1);
                let nested = !self.style.private && self.choices.below(2) == 1;
                let inner = |op| if nested { format!(" {op} l{other}\n") } else { String::new() };
                self.text += &format!(" ACQUIRE l{shared}\n{}", inner("ACQUIRE"));
                self.block(thread, 0);
                self.text += &format!("{} RELEASE l{shared}\n", inner("RELEASE"));
            }
        }
    }
}

impl Builder<'_> {
    /// Something with an event, a condition or a semaphore. Private ones keep nobody waiting.
    fn synchronise(&mut self, of: u8) {
        let kinds = if self.style.private { 4 } else { 12 };
        self.text += &match self.choices.below(kinds) {
            0 => format!(" EVENT_SET e{of}\n EVENT_WAIT e{of}\n EVENT_CLEAR e{of}\n"),
            1 => format!(" EVENT_IS_SET e{of}\n STORE_FAST a\n"),
            2 => format!(" SEMAPHORE_ACQUIRE s{of}\n SEMAPHORE_RELEASE s{of}\n"),
            3 => format!(" ACQUIRE l{of}\n CONDITION_NOTIFY c{of}\n RELEASE l{of}\n"),
            4 => format!(" EVENT_WAIT e{of}\n"),
            5 => format!(" EVENT_SET e{of}\n"),
            6 => format!(" SEMAPHORE_ACQUIRE s{of}\n"),
            7 => format!(" SEMAPHORE_RELEASE s{of}\n"),
            8 => format!(" ACQUIRE l{of}\n CONDITION_WAIT c{of}\n RELEASE l{of}\n"),
            9 => format!(" ACQUIRE l{of}\n CONDITION_NOTIFY_ALL c{of}\n RELEASE l{of}\n"),
            10 => format!(" RELEASE l{of}\n"),
            _ => format!(" CONDITION_WAIT c{of}\n"),
        };
    }
}

/// The locks, events and semaphores of a thread that is alone.
struct Alone {
    locked: Vec<bool>,
    set: Vec<bool>,
    permits: Vec<u32>,
}

impl Alone {
    fn of(program: &Program) -> Alone {
        Alone {
            locked: vec![false; program.locks.len()],
            set: vec![false; program.events.len()],
            permits: program.semaphores.iter().map(|s| s.permits).collect(),
        }
    }
}

/// The plainest interpreter there could be, for one thread that is alone: to compare with.
/// `None` if it has not returned after `fuel` instructions, waits for ever, or raises.
fn naive(
    program: &Program,
    function: u16,
    mut locals: Vec<i64>,
    globals: &mut [i64],
    alone: &mut Alone,
    fuel: &mut u64,
) -> Option<i64> {
    let code = &program.functions[usize::from(function)];
    locals.resize(code.locals.len(), 0);
    let (mut stack, mut at) = (Vec::new(), 0);
    loop {
        *fuel = fuel.checked_sub(1)?;
        let op = code.code[at].op;
        let number = usize::from(op.parts().1);
        at += 1;
        match op.opcode().name {
            "LOAD_CONST" => stack.push(program.constants[number]),
            "LOAD_FAST" => stack.push(locals[number]),
            "STORE_FAST" => locals[number] = stack.pop()?,
            "LOAD_GLOBAL" => stack.push(globals[number]),
            "STORE_GLOBAL" => globals[number] = stack.pop()?,
            "POP_TOP" => drop(stack.pop()?),
            "JUMP_FORWARD" | "JUMP_BACKWARD" => at = number,
            "POP_JUMP_IF_FALSE" => at = if stack.pop()? == 0 { number } else { at },
            "CALL" => {
                let parameters = program.functions[number].parameters;
                let arguments = stack.split_off(stack.len() - parameters);
                stack.push(naive(program, number as u16, arguments, globals, alone, fuel)?);
            }
            "RETURN_VALUE" => return stack.pop(),
            "ADD" | "SUBTRACT" | "LESS_THAN" => {
                let (b, a): (i64, i64) = (stack.pop()?, stack.pop()?);
                stack.push(match op {
                    Op::Add => a.wrapping_add(b),
                    Op::Subtract => a.wrapping_sub(b),
                    _ => i64::from(a < b),
                });
            }
            "ACQUIRE" if alone.locked[number] => return None,
            "ACQUIRE" => alone.locked[number] = true,
            "RELEASE" if !alone.locked[number] => return None,
            "RELEASE" => alone.locked[number] = false,
            "EVENT_SET" => alone.set[number] = true,
            "EVENT_CLEAR" => alone.set[number] = false,
            "EVENT_IS_SET" => stack.push(i64::from(alone.set[number])),
            "EVENT_WAIT" if !alone.set[number] => return None,
            "CONDITION_WAIT" => return None,
            "CONDITION_NOTIFY" | "CONDITION_NOTIFY_ALL" => {
                let lock = program.conditions[number].lock;
                alone.locked[usize::from(lock)].then_some(())?;
            }
            "SEMAPHORE_ACQUIRE" => alone.permits[number] = alone.permits[number].checked_sub(1)?,
            "SEMAPHORE_RELEASE" => alone.permits[number] += 1,
            _ => {} // What blocks a thread that is alone does nothing else.
        }
    }
}

/// Runs a verified program step by step: the bytes choose the next thread. It stops after `fuel`
/// instructions, or at most at the next switch point after that.
///
/// # Panics
/// If a thread that can run does nothing, or one that cannot does something.
pub fn run_by_bytes(program: &Verified, policy: &SwitchPolicy, bytes: &[u8], fuel: usize) -> World {
    let mut world = World::new(program);
    let mut choices = bytes.iter().cycle();
    let mut spent = 0;
    while world.outcome(program).is_none() && spent < fuel {
        let runnable = world.runnable(program);
        let choice = choices.next().map_or(0, |byte| usize::from(*byte));
        let step = world.step(program, runnable[choice % runnable.len()], (*policy).into());
        assert!(step.instructions > 0, "a thread that can run did nothing");
        spent += step.instructions;
        let waiting = |thread: &usize| world.waits_for(program, *thread).is_some();
        for thread in (0..world.threads()).filter(waiting) {
            assert_eq!(world.clone().execute(program, thread), None, "it waits, and ran");
        }
    }
    world
}

/// What must hold for all bytes, read as a program: no verified program panics, leaves its
/// stack, or outruns its fuel; alone, it does what the naive interpreter does.
///
/// # Panics
/// If the property does not hold: that is a bug in `src/vm`.
pub fn check_any_bytes(bytes: &[u8]) {
    let policies = SwitchPolicy::PRESETS;
    let policy = policies[bytes.first().map_or(0, |byte| usize::from(*byte) % policies.len())].1;
    let style = Style { threads: 3, statements: 3, spins: true, private: false };
    let proper = proper_program(bytes, style);
    check_print(&proper);
    let proper = Verified::new(proper).expect("whole statements make a whole program");
    let check_run = |program: &Verified| {
        check_alone(program);
        run_by_bytes(program, &policy, bytes, 2_000);
    };
    check_run(&proper);
    let any = any_program(bytes);
    let _ = dis(&any); // of nonsense, too
    for program in [any, spoilt(proper.program().clone(), bytes)] {
        Verified::new(program).iter().for_each(check_run);
    }
}

/// Each thread in a world of its own against the naive interpreter.
fn check_alone(program: &Verified) {
    for start in &program.program().threads {
        let alone = Program { threads: vec![start.clone()], ..program.program().clone() };
        let alone = Verified::new(alone).expect("one thread of a verified program");
        let mut globals = World::new(&alone).globals().to_vec();
        let mut fuel = 2_000;
        let value = naive(
            alone.program(),
            start.function,
            start.arguments.clone(),
            &mut globals,
            &mut Alone::of(alone.program()),
            &mut fuel,
        );
        let world = run_by_bytes(&alone, &SwitchPolicy::PYTHON_2, &[], 2_000);
        let ending = world.outcome(&alone).map(|outcome| outcome.ending);
        let finished = ending == Some(Ending::Finished);
        assert!(value.is_some() || !finished || fuel == 0, "only the world has come to an end");
        if let (Some(_), Some(ending)) = (value, ending) {
            assert_eq!(ending, Ending::Finished, "only the naive interpreter has");
            assert_eq!(world.globals(), globals, "two interpreters disagree");
        }
    }
}

/// What must hold for every text: it is refused at a place that is there, or it is a program
/// that can be printed and read again without a difference.
///
/// # Panics
/// If the property does not hold: that is a bug in `src/vm`.
pub fn check_any_text(text: &str) {
    match assemble(text) {
        Ok(program) => check_print(&program),
        Err(error) => {
            let line = text.lines().nth(error.position.line - 1).expect("the line is there");
            assert!(error.position.column <= line.chars().count() + 1, "{error}");
        }
    }
}

/// What must hold for every program that was read: what is printed of it can be read back.
///
/// # Panics
/// If the property does not hold: that is a bug in `src/vm`.
pub fn check_print(program: &Program) {
    let printed = program.to_string();
    let again = assemble(&printed).unwrap_or_else(|error| panic!("{error} in\n{printed}"));
    let (again, program) = (without_positions(again), without_positions(program.clone()));
    assert_eq!(again, program, "read again from\n{printed}");
}

/// The program, wherever in its text each thing stood.
fn without_positions(mut program: Program) -> Program {
    program.threads.iter_mut().for_each(|thread| thread.position = Position::default());
    program.expects.iter_mut().for_each(|expect| expect.position = Position::default());
    for function in &mut program.functions {
        function.position = Position::default();
        function.code.iter_mut().for_each(|of| of.position = Position::default());
    }
    program
}
