//! Which variable each name is: a slot of its function, a cell shared with inner functions, or a
//! global.
//!
//! *Assumes*: a tree of `python/front/parse.rs`.
//! *Promises*: Python's rules: a name that a function binds is its own, unless it says `global` or
//! `nonlocal`; a class's names are not seen by its methods.
//! *Leaves out*: whether a global exists.

use crate::python::front::parse::Module;
use crate::python::front::position::Position;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{
    Clause, Comprehension, ComprehensionKind, Expression, ExpressionKind, FunctionTree, Name,
    Piece, Statement, StatementKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// What kind of code has the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum ScopeKind {
    Module,
    Class,
    Function,
}

/// Which variable a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// A slot of the frame.
    Local(usize),
    /// A cell of the frame: its own, then those of outer functions.
    Cell(usize),
    /// A global, or a built-in.
    Global,
}

/// The names of a piece of code.
#[derive(Debug)]
pub struct Scope {
    /// What kind of code.
    pub kind: ScopeKind,
    /// The slots, parameters first.
    pub locals: Vec<Name>,
    /// Names of this code that inner functions use.
    pub cells: Vec<Name>,
    /// Names of outer functions that this code or its inner functions use.
    pub free: Vec<Name>,
    /// It has a `yield`, so a call makes a generator.
    pub generator: bool,
    /// It is an `async def`, or a comprehension that awaits: a call makes a coroutine.
    pub coroutine: bool,
    parent: usize,
    bound: BTreeSet<Name>,
    used: BTreeSet<Name>,
    globals: BTreeSet<Name>,
    nonlocals: BTreeMap<Name, Position>,
}

impl Scope {
    fn new(kind: ScopeKind, parent: usize) -> Scope {
        Scope {
            kind,
            locals: Vec::new(),
            cells: Vec::new(),
            free: Vec::new(),
            generator: false,
            coroutine: false,
            parent,
            bound: BTreeSet::new(),
            used: BTreeSet::new(),
            globals: BTreeSet::new(),
            nonlocals: BTreeMap::new(),
        }
    }

    /// Which variable a name is.
    pub fn variable(&self, name: &str) -> Variable {
        let find = |list: &[Name]| list.iter().position(|other| &**other == name);
        if let Some(at) = find(&self.cells) {
            return Variable::Cell(at);
        }
        if self.kind != ScopeKind::Module && !self.globals.contains(name) {
            if let Some(at) = find(&self.locals) {
                return Variable::Local(at);
            }
            if let Some(at) = find(&self.free) {
                return Variable::Cell(self.cells.len() + at);
            }
        }
        Variable::Global
    }

    /// The cell of a name, for a function that is made in here: its own, or one from further out. (A class may
    /// bind the same name, which its methods do not see.)
    pub fn cell(&self, name: &str) -> Option<usize> {
        let find = |list: &[Name]| list.iter().position(|other| &**other == name);
        find(&self.cells).or_else(|| find(&self.free).map(|at| self.cells.len() + at))
    }
}

/// The scopes of a module, by their numbers.
///
/// # Errors
/// [`Refusal`] if a `nonlocal` names nothing, or a name is both `global` and a parameter.
pub fn resolve(module: &Module) -> Result<Vec<Scope>, Refusal> {
    let mut walker =
        Walker { scopes: Vec::new(), here: 0, comprehensions: BTreeSet::new(), refusal: None };
    for _ in 0..module.scopes {
        walker.scopes.push(Scope::new(ScopeKind::Module, 0));
    }
    walker.block(&module.body);
    match walker.refusal {
        Some(refusal) => Err(refusal),
        None => walker.finish(),
    }
}

struct Walker {
    scopes: Vec<Scope>,
    here: usize,
    comprehensions: BTreeSet<usize>,
    refusal: Option<Refusal>,
}

impl Walker {
    fn scope(&mut self) -> &mut Scope {
        &mut self.scopes[self.here]
    }

    fn bind(&mut self, name: &Name) {
        let scope = self.scope();
        let outer = scope.globals.contains(name) || scope.nonlocals.contains_key(name);
        if !outer && scope.bound.insert(name.clone()) {
            scope.locals.push(name.clone());
        }
    }

    fn inside(&mut self, number: usize, kind: ScopeKind, f: impl FnOnce(&mut Self)) {
        let outer = self.here;
        self.scopes[number] = Scope::new(kind, outer);
        self.here = number;
        f(self);
        self.here = outer;
    }

    fn function(&mut self, function: &FunctionTree) {
        let parameters = &function.parameters;
        let all = || parameters.positional.iter().chain(&parameters.keyword_only);
        all().filter_map(|(_, default)| default.as_ref()).for_each(|e| self.expression(e));
        self.inside(function.scope, ScopeKind::Function, |w| {
            w.scope().coroutine = function.is_async;
            all().for_each(|(name, _)| w.bind(name));
            parameters.rest.iter().chain(&parameters.keywords).for_each(|name| w.bind(name));
            w.block(&function.body);
        });
    }

    fn block(&mut self, body: &[Statement]) {
        body.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Statement) {
        use StatementKind as S;
        match &statement.kind {
            S::Function(function) => {
                self.function(function);
                self.bind(&function.bound);
            }
            S::Decorated { decorators, definition } => {
                decorators.iter().for_each(|e| self.expression(e));
                self.statement(definition);
            }
            S::RaiseFrom(raised, cause) => {
                [raised, cause].into_iter().for_each(|e| self.expression(e));
            }
            S::Class { scope, bound, bases, body, .. } => {
                bases.iter().for_each(|e| self.expression(e));
                self.inside(*scope, ScopeKind::Class, |w| w.block(body));
                self.bind(bound);
            }
            S::Return(value) | S::Raise(value) => value.iter().for_each(|e| self.expression(e)),
            S::Delete(targets) => targets.iter().for_each(|t| self.target(t)),
            S::Assign { targets, value } => {
                self.expression(value);
                targets.iter().for_each(|t| self.target(t));
            }
            S::Augmented { target, value, .. } => {
                self.expression(value);
                self.expression(target);
                self.target(target);
            }
            S::Declared(name) => self.bind(name),
            S::For { target, iterable, body, orelse, .. } => {
                self.expression(iterable);
                self.target(target);
                self.block(body);
                self.block(orelse);
            }
            S::While { test, body, orelse } | S::If { test, body, orelse } => {
                self.expression(test);
                self.block(body);
                self.block(orelse);
            }
            S::With { items, body, .. } => {
                for (manager, target) in items {
                    self.expression(manager);
                    target.iter().for_each(|t| self.target(t));
                }
                self.block(body);
            }
            S::Try { body, handlers, orelse, finally } => {
                self.block(body);
                for handler in handlers {
                    handler.class.iter().for_each(|e| self.expression(e));
                    handler.name.iter().for_each(|n| self.bind(n));
                    self.block(&handler.body);
                }
                self.block(orelse);
                self.block(finally);
            }
            S::Assert { test, message } => {
                self.expression(test);
                message.iter().for_each(|e| self.expression(e));
            }
            S::Import(names) => names.iter().for_each(|(_, _, bind)| self.bind(bind)),
            S::ImportFrom { names, .. } => names.iter().for_each(|(_, bind)| self.bind(bind)),
            S::Global(names) => names.iter().for_each(|n| self.declare(statement.at, n, true)),
            S::Nonlocal(names) => names.iter().for_each(|n| self.declare(statement.at, n, false)),
            S::Expression(e) => self.expression(e),
            S::Pass | S::Break | S::Continue => {}
        }
    }

    fn declare(&mut self, at: Position, name: &Name, global: bool) {
        let scope = self.scope();
        if !global && scope.kind == ScopeKind::Module {
            let why = "nonlocal declaration not allowed at module level";
            self.refusal.get_or_insert(Refusal::syntax(at, why));
            return;
        }
        if scope.bound.contains(name) || scope.used.contains(name) {
            let word = if global { "global" } else { "nonlocal" };
            let why = format!("name '{name}' is used prior to {word} declaration");
            if scope.kind != ScopeKind::Module {
                self.refusal.get_or_insert(Refusal::syntax(at, why));
            }
        } else if global {
            scope.globals.insert(name.clone());
        } else {
            scope.nonlocals.insert(name.clone(), at);
        }
    }

    fn target(&mut self, target: &Expression) {
        match &target.kind {
            ExpressionKind::Name(name) => self.bind(name),
            ExpressionKind::Starred(item) => self.target(item),
            ExpressionKind::Tuple(items) | ExpressionKind::List(items) => {
                items.iter().for_each(|item| self.target(item));
            }
            _ => self.expression(target),
        }
    }

    fn expression(&mut self, e: &Expression) {
        use ExpressionKind as E;
        match &e.kind {
            E::Constant(_) => {}
            E::Name(name) => self.use_name(name),
            E::List(list) | E::Tuple(list) | E::Set(list) | E::And(list) | E::Or(list) => {
                list.iter().for_each(|e| self.expression(e));
            }
            E::Dict(items) => items.iter().for_each(|(key, value)| {
                key.iter().for_each(|key| self.expression(key));
                self.expression(value);
            }),
            E::Binary { left, right, .. } => {
                [left, right].into_iter().for_each(|e| self.expression(e))
            }
            E::Unary { operand, .. } | E::Starred(operand) => self.expression(operand),
            E::Compare { left, rest } => {
                self.expression(left);
                rest.iter().for_each(|(_, e)| self.expression(e));
            }
            E::Conditional { test, then, otherwise } => {
                [test, then, otherwise].into_iter().for_each(|e| self.expression(e));
            }
            E::Call { function, arguments, keywords } => {
                self.expression(function);
                arguments.iter().for_each(|e| self.expression(e));
                keywords.iter().for_each(|(_, e)| self.expression(e));
            }
            E::Attribute { object, .. } => self.expression(object),
            E::Subscript { object, index } => {
                self.expression(object);
                self.expression(index);
            }
            E::Slice(parts) => parts.iter().flatten().for_each(|e| self.expression(e)),
            E::Lambda(function) => self.function(function),
            E::Comprehension(comprehension) => self.comprehension(comprehension),
            E::Yield(value) => {
                self.scope().generator = true;
                value.iter().for_each(|e| self.expression(e));
            }
            E::YieldFrom(value) => {
                self.scope().generator = true;
                self.expression(value);
            }
            E::Await(value) => {
                if self.comprehensions.contains(&self.here) {
                    self.scope().coroutine = true;
                }
                self.expression(value);
            }
            E::Joined(pieces) => self.pieces(pieces),
            E::Named { name, value } => {
                self.expression(value);
                self.bind_outside(e.at, name);
            }
        }
    }

    /// Binds a name in the function or module around all comprehensions that are open.
    fn bind_outside(&mut self, at: Position, name: &Name) {
        let mut outside = self.here;
        let mut between = Vec::new();
        while self.comprehensions.contains(&outside) {
            between.push(outside);
            outside = self.scopes[outside].parent;
        }
        let kind = self.scopes[outside].kind;
        if kind == ScopeKind::Class && !between.is_empty() {
            let why = "assignment expression within a comprehension cannot be used in a class body";
            self.refusal.get_or_insert(Refusal::syntax(at, why));
        }
        let is_global = self.scopes[outside].globals.contains(name);
        for scope in between {
            let scope = &mut self.scopes[scope];
            if kind == ScopeKind::Module || is_global {
                scope.globals.insert(name.clone());
            } else {
                scope.nonlocals.insert(name.clone(), at);
            }
        }
        let here = std::mem::replace(&mut self.here, outside);
        self.bind(name);
        self.here = here;
    }

    fn use_name(&mut self, name: &Name) {
        self.scope().used.insert(name.clone());
        if &**name == "super" {
            self.scope().used.insert(Name::from("__class__"));
        }
    }

    fn pieces(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            if let Piece::Value { value, format, .. } = piece {
                self.expression(value);
                self.pieces(format);
            }
        }
    }

    /// The first iterable is evaluated outside, as an argument.
    fn comprehension(&mut self, made: &Comprehension) {
        let first: Option<&Clause> = made.clauses.first();
        first.iter().for_each(|clause| self.expression(&clause.iterable));
        self.comprehensions.insert(made.scope);
        self.inside(made.scope, ScopeKind::Function, |w| {
            w.scope().generator = made.kind == ComprehensionKind::Generator;
            w.scope().coroutine = made.clauses.iter().any(|clause| clause.is_async);
            w.bind(&Name::from(".0"));
            for (number, clause) in made.clauses.iter().enumerate() {
                if number > 0 {
                    w.expression(&clause.iterable);
                }
                w.target(&clause.target);
                clause.conditions.iter().for_each(|e| w.expression(e));
            }
            w.expression(&made.element);
            made.value.iter().for_each(|e| w.expression(e));
        });
        // What is made by a comprehension that awaits is awaited by the one around it.
        if self.scopes[made.scope].coroutine && self.comprehensions.contains(&self.here) {
            self.scope().coroutine = true;
        }
    }

    /// Decides for every used name whose it is.
    fn finish(mut self) -> Result<Vec<Scope>, Refusal> {
        for number in 1..self.scopes.len() {
            let scope = &self.scopes[number];
            let own =
                |name: &&Name| !(scope.bound.contains(*name) || scope.globals.contains(*name));
            let used: Vec<Name> = scope.used.iter().filter(own).cloned().collect();
            let declared: Vec<_> = scope.nonlocals.clone().into_iter().collect();
            for (name, at) in declared {
                if !self.capture(number, &name) {
                    let why = format!("no binding for nonlocal '{name}' found");
                    return Err(Refusal::syntax(at, why));
                }
            }
            used.iter().for_each(|name| {
                self.capture(number, name);
            });
        }
        Ok(self.scopes)
    }

    /// Finds the outer function that binds the name, and passes its cell down to here.
    fn capture(&mut self, number: usize, name: &Name) -> bool {
        let mut between = vec![number];
        let mut at = self.scopes[number].parent;
        let class_cell = &**name == "__class__";
        loop {
            let scope = &self.scopes[at];
            let binds = match scope.kind {
                ScopeKind::Module => return false,
                ScopeKind::Class => class_cell,
                ScopeKind::Function => scope.bound.contains(name),
            };
            if binds {
                break;
            }
            if scope.kind == ScopeKind::Function && scope.globals.contains(name) {
                return false;
            }
            between.push(at);
            at = scope.parent;
        }
        let owner = &mut self.scopes[at];
        if !owner.cells.contains(name) {
            owner.cells.push(name.clone());
        }
        for scope in between {
            let free = &mut self.scopes[scope].free;
            if !free.contains(name) {
                free.push(name.clone());
            }
        }
        true
    }
}
