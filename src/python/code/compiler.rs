//! The compiler: what it keeps while it emits code.
//!
//! *Assumes*: a tree, and the scopes of `python/front/names.rs`.
//! *Promises*: loads, stores and calls come in CPython's order, and each jump is of CPython's kind;
//! a name that Python has and the subset has not is refused.
//! *Leaves out*: instructions that touch nothing shared may differ from CPython's.

use crate::python::code::instruction::Op;
use crate::python::code::modules;
use crate::python::code::program::{Code, CodeKind, Handler, Program};
use crate::python::front::names::{Scope, ScopeKind, Variable, resolve};
use crate::python::front::parse::parse;
use crate::python::front::position::Position;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{Constant, Name, Parameters, Statement};
use std::collections::HashMap;

/// A result, or why the file is refused.
pub type Result<T> = std::result::Result<T, Refusal>;

/// What encloses a statement, from outside to inside.
#[derive(Debug, Clone)]
pub(crate) enum Block<'a> {
    /// A loop: where `continue` goes, the jumps of `break`, and whether an iterator is on the stack.
    Loop { start: usize, breaks: Vec<usize>, iterator: bool },
    /// A `with`, whose manager is on the stack.
    With,
    /// A `try` with a `finally`, which runs on every way out.
    Finally(&'a [Statement]),
    /// The second copy of a `finally`, with the exception on the stack.
    Unwinding,
    /// A `try` whose exceptions go to its `except` clauses.
    Trying,
    /// An `except` clause, which keeps its exception in this slot.
    Handling(u32),
}

/// The code that is being written.
pub(crate) struct Unit<'a> {
    pub(crate) code: Code,
    pub(crate) scope: usize,
    pub(crate) blocks: Vec<Block<'a>>,
    /// How much of the stack the enclosing blocks use.
    pub(crate) depth: u32,
    /// Code that leaves blocks: from, to, and how many blocks are left around it.
    pub(crate) holes: Vec<(usize, usize, usize)>,
}

/// The compiler.
pub(crate) struct Compiler<'a> {
    pub(crate) program: Program,
    pub(crate) scopes: &'a [Scope],
    pub(crate) units: Vec<Unit<'a>>,
    pub(crate) at: Position,
    /// Names of modules, by the variable that an import bound.
    pub(crate) modules: HashMap<Name, Name>,
    /// What the code of the library is that is compiled, if it is of the library.
    library: Option<CodeKind>,
    name_numbers: HashMap<Name, u32>,
    global_numbers: HashMap<Name, u32>,
    constant_numbers: HashMap<String, u32>,
}

/// A part of the library that is written in Python. Its functions become globals whose names no
/// program can write.
#[derive(Debug, Clone, Copy)]
pub struct Prelude {
    /// A program whose text has one of these words needs it; every program, if there is none.
    pub words: &'static str,
    /// Its source.
    pub text: &'static str,
    /// Whether it stands for C, or for Python, in CPython.
    pub kind: CodeKind,
}

/// Compiles a file, with those parts of the library that it imports.
///
/// # Errors
/// [`Refusal`] if it is no Python, or outside the subset.
pub fn compile(text: &str, preludes: &[Prelude]) -> Result<Program> {
    let module = parse(text)?;
    let scopes = resolve(&module)?;
    let mut state = Compiler::new(&scopes);
    state.program.codes = vec![Code::default()];
    modules::check_imports(&module.body, &mut state.modules)?;
    let mut wanted = Vec::new();
    let is_wanted = |p: &&Prelude| {
        p.words.is_empty() || p.words.split_whitespace().any(|word| text.contains(word))
    };
    for prelude in preludes.iter().filter(is_wanted) {
        let module = parse(prelude.text)?;
        let scopes = resolve(&module)?;
        wanted.push((module, scopes, prelude.kind));
    }
    state.program.preludes = wanted.len();
    state.program.codes.resize_with(1 + wanted.len(), Code::default);
    state.module(&module.body, 0)?;
    let mut program = state.finished();
    for (number, (module, scopes, kind)) in (1..).zip(&wanted) {
        let mut state = Compiler::resumed(program, scopes, *kind);
        state.module(&module.body, number)?;
        program = state.finished();
    }
    Ok(program.0)
}

/// A program that grows, and the numbers of its names.
type Growing =
    (Program, HashMap<Name, u32>, HashMap<Name, u32>, HashMap<String, u32>, HashMap<Name, Name>);

impl<'a> Compiler<'a> {
    fn new(scopes: &'a [Scope]) -> Compiler<'a> {
        Compiler {
            program: Program::default(),
            scopes,
            units: Vec::new(),
            at: Position { line: 1, column: 1 },
            modules: HashMap::new(),
            library: None,
            name_numbers: HashMap::new(),
            global_numbers: HashMap::new(),
            constant_numbers: HashMap::new(),
        }
    }

    fn resumed(grown: Growing, scopes: &'a [Scope], kind: CodeKind) -> Compiler<'a> {
        let (program, name_numbers, global_numbers, constant_numbers, modules) = grown;
        let mut compiler = Compiler::new(scopes);
        compiler.at = Position::default();
        compiler.library = Some(kind);
        (compiler.program, compiler.modules) = (program, modules);
        compiler.name_numbers = name_numbers;
        compiler.global_numbers = global_numbers;
        compiler.constant_numbers = constant_numbers;
        compiler
    }

    fn finished(self) -> Growing {
        let Compiler { program, name_numbers, global_numbers, constant_numbers, modules, .. } =
            self;
        (program, name_numbers, global_numbers, constant_numbers, modules)
    }

    fn module(&mut self, body: &'a [Statement], number: usize) -> Result<()> {
        self.enter(0, "<module>", CodeKind::Module);
        self.block(body)?;
        self.constant(&Constant::None);
        self.emit(Op::Return);
        let code = self.leave();
        self.program.codes[number] = code;
        Ok(())
    }

    /// Begins a code.
    pub(crate) fn enter(&mut self, scope: usize, name: &str, kind: CodeKind) {
        let kind = match (self.library, kind) {
            (Some(CodeKind::Native), CodeKind::Module) => CodeKind::Native,
            (Some(_), CodeKind::Module | CodeKind::Class) => kind,
            (Some(library), _) => library,
            (None, _) => kind,
        };
        let name = match self.library.is_some() && !name.starts_with("__") {
            true => name.strip_prefix('_').unwrap_or(name),
            false => name,
        };
        let names = &self.scopes[scope];
        let locals: &[Name] = if names.kind == ScopeKind::Module { &[] } else { &names.locals };
        let slot_of = |cell: &Name| locals.iter().position(|local| local == cell);
        let code = Code {
            name: name.to_owned(),
            locals: locals.to_vec(),
            cells: names.cells.iter().map(slot_of).collect(),
            cell_names: names.cells.iter().chain(&names.free).cloned().collect(),
            generator: names.generator,
            kind,
            ..Code::default()
        };
        self.units.push(Unit { code, scope, blocks: Vec::new(), depth: 0, holes: Vec::new() });
        self.emit(Op::Resume);
    }

    /// Ends a code.
    pub(crate) fn leave(&mut self) -> Code {
        self.units.pop().map(|unit| unit.code).unwrap_or_default()
    }

    /// Notes the parameters of the code that was begun.
    pub(crate) fn parameters(&mut self, parameters: &Parameters) {
        let code = &mut self.unit().code;
        code.positional = parameters.positional.len();
        code.position_only = parameters.position_only;
        code.rest = parameters.rest.is_some();
        code.keywords = parameters.keywords.is_some();
        code.keyword_only = parameters.keyword_only.len();
    }

    /// Ends a code, and gives its number.
    pub(crate) fn finish(&mut self) -> u32 {
        let code = self.leave();
        self.program.codes.push(code);
        number(self.program.codes.len() - 1)
    }

    /// The code that is being written.
    pub(crate) fn unit(&mut self) -> &mut Unit<'a> {
        let last = self.units.len() - 1;
        &mut self.units[last]
    }

    /// Appends an instruction, and gives its index.
    pub(crate) fn emit(&mut self, op: Op) -> usize {
        let at = self.at;
        let code = &mut self.unit().code;
        code.ops.push(op);
        code.positions.push(at);
        code.ops.len() - 1
    }

    /// The index of the next instruction.
    pub(crate) fn here(&mut self) -> usize {
        self.unit().code.ops.len()
    }

    /// Lets a jump go to the next instruction.
    pub(crate) fn land(&mut self, jump: usize) {
        let here = number(self.here());
        let op = &mut self.unit().code.ops[jump];
        *op = op.with_target(here);
    }

    /// Sends exceptions of the instructions from `from` to `to` to the next one. What leaves the
    /// block on the way is not covered.
    pub(crate) fn handle(&mut self, from: usize, to: usize, depth: u32, cleanup: bool) {
        let target = number(self.here());
        let unit = self.unit();
        let outside = unit.blocks.len();
        let mut start = from;
        let holes = unit.holes.iter().filter(|hole| hole.2 <= outside && hole.0 >= from);
        let mut ends: Vec<(usize, usize)> =
            holes.filter(|hole| hole.1 <= to).map(|hole| (hole.0, hole.1)).collect();
        ends.sort_unstable();
        ends.push((to, to));
        for (end, next) in ends {
            if start < end {
                let handler =
                    Handler { from: number(start), to: number(end), target, depth, cleanup };
                unit.code.handlers.push(handler);
            }
            start = start.max(next);
        }
    }

    /// A slot that no name of the source has.
    pub(crate) fn hidden_slot(&mut self) -> u32 {
        let locals = &mut self.unit().code.locals;
        locals.push(Name::from(format!(".{}", locals.len())));
        number(locals.len() - 1)
    }

    /// Pushes a constant.
    pub(crate) fn constant(&mut self, constant: &Constant) {
        let key = match constant {
            Constant::Float(float) => format!("float {}", float.to_bits()),
            other => format!("{other:?}"),
        };
        let constants = &mut self.program.constants;
        let index = *self.constant_numbers.entry(key).or_insert_with(|| {
            constants.push(constant.clone());
            number(constants.len() - 1)
        });
        self.emit(Op::LoadConst(index));
    }

    /// The number of an attribute's name.
    pub(crate) fn name(&mut self, name: &Name) -> u32 {
        let names = &mut self.program.names;
        *self.name_numbers.entry(name.clone()).or_insert_with(|| {
            names.push(name.clone());
            number(names.len() - 1)
        })
    }

    fn global(&mut self, name: &Name) -> u32 {
        // The prelude's own names get a mark that no program can write.
        let name = match self.library.is_some() && name.starts_with('_') && !name.starts_with("__")
        {
            true => Name::from(format!("<{name}>")),
            false => name.clone(),
        };
        let globals = &mut self.program.globals;
        *self.global_numbers.entry(name.clone()).or_insert_with(|| {
            globals.push(name);
            number(globals.len() - 1)
        })
    }

    fn variable(&mut self, name: &Name) -> (Variable, ScopeKind) {
        let scopes = self.scopes;
        let unit = self.unit();
        let scope = &scopes[unit.scope];
        (scope.variable(name), scope.kind)
    }

    /// Whether a name is a global here.
    pub(crate) fn is_global(&mut self, name: &Name) -> bool {
        self.variable(name).0 == Variable::Global
    }

    /// Pushes the value of a name.
    pub(crate) fn load(&mut self, name: &Name) -> Result<()> {
        let op = match self.variable(name) {
            (Variable::Local(slot), ScopeKind::Class) => {
                Op::LoadClassName(number(slot), self.global(name))
            }
            (Variable::Local(slot), _) => Op::LoadFast(number(slot)),
            (Variable::Cell(cell), _) => Op::LoadCell(number(cell)),
            (Variable::Global, _) => {
                if self.library.is_none() && !self.scopes[0].locals.contains(name) {
                    modules::check_builtin(self.at, name)?;
                }
                Op::LoadGlobal(self.global(name))
            }
        };
        self.emit(op);
        Ok(())
    }

    /// Pops a value into a name.
    pub(crate) fn store(&mut self, name: &Name) {
        let op = match self.variable(name) {
            (Variable::Local(slot), _) => Op::StoreFast(number(slot)),
            (Variable::Cell(cell), _) => Op::StoreCell(number(cell)),
            (Variable::Global, _) => Op::StoreGlobal(self.global(name)),
        };
        self.emit(op);
    }

    /// Makes a name unbound.
    pub(crate) fn delete(&mut self, name: &Name) {
        let op = match self.variable(name) {
            (Variable::Local(slot), _) => Op::DeleteFast(number(slot)),
            (Variable::Cell(cell), _) => Op::DeleteCell(number(cell)),
            (Variable::Global, _) => Op::DeleteGlobal(self.global(name)),
        };
        self.emit(op);
    }

    /// The cell of a name, for a function that is made here.
    pub(crate) fn closure(&mut self, name: &Name) {
        if let (Variable::Cell(cell), _) = self.variable(name) {
            self.emit(Op::LoadClosure(number(cell)));
        }
    }
}

/// An index as an operand. The source is too short for more.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
