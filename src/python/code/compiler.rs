//! The compiler: what it keeps while it emits code.
//!
//! *Assumes*: a tree, and the scopes of `python/front/names.rs`.
//! *Promises*: loads, stores and calls come in CPython's order, and each jump is of CPython's kind;
//! a name that Python has and the subset has not is refused.
//! *Leaves out*: instructions that touch nothing shared may differ from CPython's.

use crate::python::code::fusion::fuse;
use crate::python::code::instruction::Op;
use crate::python::code::modules;
use crate::python::code::program::{Code, CodeKind, Handled, Handler, Handling, Program};
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
    /// A `with`, whose manager is on the stack; `true` for an `async with`.
    With(bool),
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
    /// The module of the library that the code belongs to, if it is no program's.
    pub(crate) library: Option<(&'static str, CodeKind)>,
    name_numbers: HashMap<Name, u32>,
    global_numbers: HashMap<Name, u32>,
    constant_numbers: HashMap<String, u32>,
}

/// A part of a module of the library that is Python here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prelude {
    /// The module; it may have several parts.
    pub module: &'static str,
    /// What its functions are in CPython.
    pub kind: CodeKind,
    /// Its text.
    pub text: &'static str,
}

/// Compiles a file, and those modules of the library that it imports and that are Python.
///
/// The first of those, which has no name, is always there: its functions stand for functions of
/// CPython that are written in C and call Python. What a module of the library binds becomes a
/// global whose name no program can write.
///
/// # Errors
/// [`Refusal`] if it is no Python, or outside the subset.
pub fn compile(text: &str, preludes: &[Prelude]) -> Result<Program> {
    let module = parse(text)?;
    let scopes = resolve(&module)?;
    let mut compiler = Compiler {
        program: Program::default(),
        scopes: &scopes,
        units: Vec::new(),
        at: Position { line: 1, column: 1 },
        modules: HashMap::new(),
        library: None,
        name_numbers: HashMap::new(),
        global_numbers: HashMap::new(),
        constant_numbers: HashMap::new(),
    };
    compiler.program.codes = vec![Code::default()];
    modules::check_imports(&module.body, &mut compiler.modules)?;
    compiler.program.codes[0] = compiler.module(&module.body)?;
    let mut compiler = compiler.without_scopes();
    let mut done: Vec<&Prelude> = Vec::new();
    // A module of the library may import another one.
    while let Some(prelude) = compiler.wanted(preludes, &done) {
        compiler = compiler.compile_prelude(prelude)?;
        done.push(prelude);
    }
    // Those that are imported come before those that import them.
    compiler.program.preludes.reverse();
    for code in &mut compiler.program.codes {
        code.fused = fuse(&code.ops);
    }
    Ok(compiler.program)
}

impl Compiler<'_> {
    /// What was compiled, without what it was compiled from.
    fn without_scopes<'b>(self) -> Compiler<'b> {
        Compiler {
            program: self.program,
            scopes: &[],
            units: Vec::new(),
            at: Position::default(),
            modules: HashMap::new(),
            library: None,
            name_numbers: self.name_numbers,
            global_numbers: self.global_numbers,
            constant_numbers: self.constant_numbers,
        }
    }

    /// A module that was imported and is not compiled yet; the one without a name last.
    fn wanted<'p>(&self, preludes: &'p [Prelude], done: &[&Prelude]) -> Option<&'p Prelude> {
        let is_imported = |module: &str| {
            module.is_empty()
                || self.program.imports.iter().any(|(package, name)| match name {
                    _ if package.starts_with(module) => true,
                    Some(name) => format!("{package}.{name}") == module,
                    None => false,
                })
        };
        preludes.iter().rev().find(|prelude| {
            let Prelude { module, text, .. } = prelude;
            !done.contains(prelude) && is_imported(module) && self.uses(module, text)
        })
    }

    /// Whether the program names one of the functions and classes of a module that has others in
    /// Rust as well. What begins with an underscore stands in for one of those at times.
    fn uses(&self, module: &str, text: &str) -> bool {
        let names = text.lines().filter_map(|line| {
            let rest = line.strip_prefix("def ").or_else(|| line.strip_prefix("class "));
            let rest = rest.unwrap_or(line);
            rest.trim_start_matches('_').split(['(', ':', ' ']).next()
        });
        let attributes = &self.program.names;
        let imports = self.program.imports.iter().filter_map(|(_, name)| name.as_ref());
        let used: Vec<&Name> = attributes.iter().chain(imports).collect();
        !modules::is_partly_native(module)
            || names.into_iter().any(|name| used.iter().any(|other| ***other == *name))
    }

    fn compile_prelude(self, prelude: &Prelude) -> Result<Self> {
        let tree = parse(prelude.text)?;
        let scopes = resolve(&tree)?;
        let mut compiler = self.without_scopes();
        compiler.scopes = &scopes;
        compiler.library = Some((prelude.module, prelude.kind));
        modules::check_imports(&tree.body, &mut compiler.modules)?;
        let code = compiler.module(&tree.body)?;
        compiler.program.codes.push(code);
        let last = number(compiler.program.codes.len() - 1);
        compiler.program.preludes.push(last);
        Ok(compiler.without_scopes())
    }
}

impl<'a> Compiler<'a> {
    fn module(&mut self, body: &'a [Statement]) -> Result<Code> {
        self.enter(0, "<module>", CodeKind::Module);
        self.block(body)?;
        self.constant(&Constant::None);
        self.emit(Op::Return);
        Ok(self.leave())
    }

    /// Begins a code.
    pub(crate) fn enter(&mut self, scope: usize, name: &str, kind: CodeKind) {
        let kind = match self.library {
            Some((_, of_library)) if kind != CodeKind::Module => of_library,
            _ => kind,
        };
        let names = &self.scopes[scope];
        let locals: &[Name] = if names.kind == ScopeKind::Module { &[] } else { &names.locals };
        let slot_of = |cell: &Name| locals.iter().position(|local| local == cell);
        let qualified = match self.units.last().map(|unit| &unit.code) {
            None => name.to_owned(),
            Some(outer) => match outer.kind {
                CodeKind::Module => name.to_owned(),
                CodeKind::Class => format!("{}.{name}", outer.qualified),
                _ => format!("{}.<locals>.{name}", outer.qualified),
            },
        };
        let code = Code {
            name: name.to_owned(),
            qualified,
            locals: locals.to_vec(),
            cells: names.cells.iter().map(slot_of).collect(),
            cell_names: names.cells.iter().chain(&names.free).cloned().collect(),
            generator: names.generator,
            coroutine: names.coroutine,
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

    /// Sends exceptions of the instructions from `from` to `to` to the next one.
    pub(crate) fn handle(&mut self, from: usize, to: usize, depth: u32, cleanup: bool) {
        let target = number(self.here());
        for (from, to) in self.within(from, to) {
            self.unit().code.handlers.push(Handler { from, to, target, depth, cleanup });
        }
    }

    /// Notes that an exception is handled from `from` to `to`.
    pub(crate) fn note_handling(&mut self, from: usize, to: usize, what: Handled) {
        for (from, to) in self.within(from, to) {
            self.unit().code.handling.push(Handling { from, to, what });
        }
    }

    /// The instructions of a block, but for those that leave it on the way.
    fn within(&mut self, from: usize, to: usize) -> Vec<(u32, u32)> {
        let unit = self.unit();
        let outside = unit.blocks.len();
        let mut start = from;
        let holes = unit.holes.iter().filter(|hole| hole.2 <= outside && hole.0 >= from);
        let mut ends: Vec<(usize, usize)> =
            holes.filter(|hole| hole.1 <= to).map(|hole| (hole.0, hole.1)).collect();
        ends.sort_unstable();
        ends.push((to, to));
        let mut ranges = Vec::new();
        for (end, next) in ends {
            if start < end {
                ranges.push((number(start), number(end)));
            }
            start = start.max(next);
        }
        ranges
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
        // Names of the library get a mark that no program can write.
        let is_own = self.scopes.first().is_some_and(|module| module.locals.contains(name));
        let name = match self.library {
            None => name.clone(),
            Some(("", _)) if is_own => Name::from(format!("<{name}>")),
            Some((module, _)) if is_own => Name::from(format!("<{module}.{name}>")),
            Some(_) if name.starts_with('_') => Name::from(format!("<{name}>")),
            Some(_) => Name::from(format!("<builtins.{name}>")),
        };
        self.marked_global(name)
    }

    fn marked_global(&mut self, name: Name) -> u32 {
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
                    self.note_real_only(name);
                }
                Op::LoadGlobal(self.global(name))
            }
        };
        self.emit(op);
        Ok(())
    }

    /// Notes a name of a module that has to do with other processes.
    pub(crate) fn note_processes(&mut self, module: &str, name: &str) {
        let of_executor = ["ProcessPoolExecutor", "process", "BrokenProcessPool"].contains(&name);
        let what = match module {
            _ if self.library.is_some() => return,
            "multiprocessing" | "multiprocessing.pool" => module,
            _ if module.starts_with("concurrent") && of_executor => name,
            _ => return,
        };
        self.program.processes = true;
        let instead = "processes share nothing, so there is no schedule to explore: use threads";
        let refusal = Refusal::real_only(self.at, format!("`{what}`"), instead);
        self.program.real_only.get_or_insert(refusal);
    }

    /// Notes a name that only a real run has.
    fn note_real_only(&mut self, name: &Name) {
        if let Some((name, instead)) =
            modules::REAL_ONLY.iter().find(|(other, _)| *other == &**name)
        {
            let refusal = Refusal::real_only(self.at, format!("`{name}`"), instead);
            self.program.real_only.get_or_insert(refusal);
        }
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
        let scopes = self.scopes;
        let scope = self.unit().scope;
        if let Some(cell) = scopes[scope].cell(name) {
            self.emit(Op::LoadClosure(number(cell)));
        }
    }
}

/// An index as an operand. The source is too short for more.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
