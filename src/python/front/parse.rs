//! The parser: Ruff's. Its statements become ours, or are refused.
//!
//! *Promises*: no panic, whatever the text; each construct outside the subset is refused with its
//! place and a remedy, and none is ignored; source that is nested too deeply is refused.
//! *Leaves out*: expressions (`python/front/reader.rs`); which names exist (`python/front/names.rs`).

use crate::python::front::position::Position;
use crate::python::front::reader::{Reader, Result};
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{
    Expression, ExpressionKind, FunctionTree, Handler, Name, Node, Statement, StatementKind,
};
use ruff_python_ast as ruff;
use ruff_python_ast::{Expr, Stmt};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::{Ranged, TextRange};
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// The most branches of one `if`.
const MOST_CLAUSES: usize = 200;

/// The longest source.
const LONGEST: usize = 1 << 20;

/// A file as a tree.
#[derive(Debug)]
pub struct Module {
    /// What it does.
    pub body: Vec<Statement>,
    /// How many scopes there are; number 0 is the module's.
    pub scopes: usize,
}

/// Parses a file.
///
/// ```
/// use singletrack::python::front::parse::parse;
///
/// assert_eq!(parse("x = 1\n")?.body.len(), 1);
/// let refusal = parse("match x:\n    case 1: pass\n").unwrap_err();
/// assert_eq!((refusal.at.line, refusal.at.column), (1, 1));
/// # Ok::<(), singletrack::python::front::refusal::Refusal>(())
/// ```
///
/// # Errors
/// [`Refusal`] if it is no Python, or outside the subset.
pub fn parse(text: &str) -> Result<Module> {
    let start = Position { line: 1, column: 1 };
    if text.len() > LONGEST {
        return Err(Refusal::subset(start, format!("more than {LONGEST} bytes"), "shorten it"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_coding(text)?;
    // As CPython reads a file: each kind of line end is one.
    let unified = text.contains('\r').then(|| text.replace("\r\n", "\n").replace('\r', "\n"));
    let text = unified.as_deref().unwrap_or(text);
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut reader =
        Reader { text, line_starts: starts, scopes: 1, depth: 0, class: String::new() };
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    let result = match parsed.errors().first() {
        Some(error) => Err(Refusal::syntax(reader.at(error.location), &error.error)),
        None => match parsed.syntax() {
            ruff::Mod::Module(module) => reader.block(&module.body),
            ruff::Mod::Expression(_) => Ok(Vec::new()),
        },
    };
    if result.is_err() {
        drop_deep(parsed);
    }
    Ok(Module { body: result?, scopes: reader.scopes })
}

/// Drops a tree that may be nested so deeply that its drop would overflow this stack: on a thread
/// with a larger one, of which only what is used takes memory. Without a thread it is kept for ever.
fn drop_deep<T: Send + 'static>(tree: T) {
    const STACK: usize = 1 << 30;
    let tree = ManuallyDrop::new(tree);
    let drops = std::thread::Builder::new().stack_size(STACK);
    if let Ok(thread) = drops.spawn(move || drop(ManuallyDrop::into_inner(tree))) {
        let _ = thread.join();
    }
}

/// A comment in the first two lines that says which encoding the file has.
fn check_coding(text: &str) -> Result<()> {
    for (number, line) in (1..).zip(text.lines().take(2)) {
        let Some(comment) = line.trim_start().strip_prefix('#') else { continue };
        let Some((_, coding)) = comment.split_once("coding") else { continue };
        let Some(coding) = coding.strip_prefix([':', '=']) else { continue };
        let is_part = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        let end = coding.trim_start();
        let name = &end[..end.find(|c| !is_part(c)).unwrap_or(end.len())];
        let plain = name.to_lowercase().replace('_', "-");
        let unicode = ["utf-8", "utf8", "ascii", "us-ascii"].contains(&&*plain);
        if !unicode && !text.is_ascii() {
            let at = Position { line: number, column: 1 };
            return Err(Refusal::subset(at, format!("the encoding {name}"), "save it as UTF-8"));
        }
    }
    Ok(())
}

impl Reader<'_> {
    fn block(&mut self, body: &[Stmt]) -> Result<Vec<Statement>> {
        body.iter().map(|s| self.deeper(s.range(), |r| r.statement(s))).collect()
    }

    fn statement(&mut self, statement: &Stmt) -> Result<Statement> {
        let range = statement.range();
        let kind = match statement {
            Stmt::FunctionDef(def) => self.function(def)?,
            Stmt::ClassDef(def) => self.class(def)?,
            Stmt::Return(s) => StatementKind::Return(self.maybe(s.value.as_deref())?),
            Stmt::Delete(s) => StatementKind::Delete(self.targets(&s.targets)?),
            Stmt::Assign(s) => StatementKind::Assign {
                targets: self.targets(&s.targets)?,
                value: self.expression(&s.value)?,
            },
            Stmt::AugAssign(s) => StatementKind::Augmented {
                target: self.target(&s.target)?,
                operator: self.operator(s.op),
                value: self.expression(&s.value)?,
            },
            Stmt::AnnAssign(s) => self.annotated(s)?,
            Stmt::For(s) => StatementKind::For {
                target: self.target(&s.target)?,
                iterable: self.expression(&s.iter)?,
                body: self.block(&s.body)?,
                orelse: self.block(&s.orelse)?,
                is_async: s.is_async,
            },
            Stmt::While(s) => StatementKind::While {
                test: self.expression(&s.test)?,
                body: self.block(&s.body)?,
                orelse: self.block(&s.orelse)?,
            },
            Stmt::If(s) => self.conditional(s)?,
            Stmt::With(s) => self.with(s)?,
            Stmt::Raise(s) => match (&s.exc, &s.cause) {
                (Some(raised), Some(cause)) => {
                    StatementKind::RaiseFrom(self.expression(raised)?, self.expression(cause)?)
                }
                _ => StatementKind::Raise(self.maybe(s.exc.as_deref())?),
            },
            Stmt::Try(s) => self.attempt(s)?,
            Stmt::Assert(s) => StatementKind::Assert {
                test: self.expression(&s.test)?,
                message: self.maybe(s.msg.as_deref())?,
            },
            Stmt::Import(s) => self.import(s)?,
            Stmt::ImportFrom(s) => self.import_from(s)?,
            Stmt::Global(s) => StatementKind::Global(self.names(&s.names)),
            Stmt::Nonlocal(s) => StatementKind::Nonlocal(self.names(&s.names)),
            Stmt::Expr(s) => StatementKind::Expression(self.expression(&s.value)?),
            Stmt::Pass(_) => StatementKind::Pass,
            Stmt::Break(_) => StatementKind::Break,
            Stmt::Continue(_) => StatementKind::Continue,
            Stmt::Match(_) => return self.refuse(range, "`match`", "write `if` and `elif`"),
            Stmt::TypeAlias(_) => {
                return self.refuse(range, "a type alias", "leave types out");
            }
            Stmt::IpyEscapeCommand(_) => {
                return self.refuse(range, "a command of IPython", "leave it out");
            }
        };
        Ok(Node { at: self.at(range), kind })
    }

    /// The name that a statement declares with a type.
    fn declared(&self, statement: &Stmt) -> Option<Name> {
        let Stmt::AnnAssign(s) = statement else { return None };
        let is_of_class = |e: &Expr| match e {
            Expr::Name(e) => &*e.id == "ClassVar",
            Expr::Subscript(e) => matches!(&*e.value, Expr::Name(e) if &*e.id == "ClassVar"),
            _ => false,
        };
        match &*s.target {
            Expr::Name(e) if !is_of_class(&s.annotation) => Some(self.name(&e.id)),
            _ => None,
        }
    }

    fn names(&self, names: &[ruff::Identifier]) -> Vec<Name> {
        names.iter().map(|name| self.name(name)).collect()
    }

    fn annotated(&mut self, s: &ruff::StmtAnnAssign) -> Result<StatementKind> {
        let target = self.target(&s.target)?;
        Ok(match (&s.value, target.kind) {
            (Some(value), kind) => StatementKind::Assign {
                targets: vec![Node { at: target.at, kind }],
                value: self.expression(value)?,
            },
            (None, ExpressionKind::Name(name)) => StatementKind::Declared(name),
            (None, _) => StatementKind::Pass,
        })
    }

    fn function(&mut self, def: &ruff::StmtFunctionDef) -> Result<StatementKind> {
        let decorators = self.decorators(&def.decorator_list)?;
        if let Some(types) = &def.type_params {
            return self.refuse(types.range, "a type parameter", "leave types out");
        }
        let scope = self.scope();
        let parameters = self.parameters(&def.parameters)?;
        let body = self.block(&def.body)?;
        let (name, bound) = (Name::from(&*def.name), self.name(&def.name));
        let function =
            FunctionTree { scope, name, bound, parameters, body, is_async: def.is_async };
        let kind = StatementKind::Function(Arc::new(function));
        Ok(self.decorated(decorators, def.name.range, kind))
    }

    fn decorators(&mut self, list: &[ruff::Decorator]) -> Result<Vec<Expression>> {
        list.iter().map(|decorator| self.expression(&decorator.expression)).collect()
    }

    fn decorated(
        &self,
        decorators: Vec<Expression>,
        range: TextRange,
        kind: StatementKind,
    ) -> StatementKind {
        if decorators.is_empty() {
            return kind;
        }
        let definition = Box::new(Node { at: self.at(range), kind });
        StatementKind::Decorated { decorators, definition }
    }

    fn class(&mut self, def: &ruff::StmtClassDef) -> Result<StatementKind> {
        let decorators = self.decorators(&def.decorator_list)?;
        if let Some(types) = &def.type_params {
            return self.refuse(types.range, "a type parameter", "leave types out");
        }
        let scope = self.scope();
        let mut bases = Vec::new();
        if let Some(arguments) = &def.arguments {
            if let Some(keyword) = arguments.keywords.first() {
                let what = match keyword.arg.as_deref() {
                    Some("metaclass") => "a metaclass",
                    _ => "a keyword of a class",
                };
                return self.refuse(keyword.range, what, "write a plain class");
            }
            bases = self.all(&arguments.args)?;
        }
        let (name, bound) = (Name::from(&*def.name), self.name(&def.name));
        let outer = std::mem::replace(&mut self.class, def.name.to_string());
        let body = self.block(&def.body)?;
        let declared = def.body.iter().filter_map(|s| self.declared(s)).collect();
        self.class = outer;
        let kind = StatementKind::Class { scope, name, bound, bases, declared, body };
        Ok(self.decorated(decorators, def.name.range, kind))
    }

    fn conditional(&mut self, s: &ruff::StmtIf) -> Result<StatementKind> {
        let test = self.expression(&s.test)?;
        let body = self.block(&s.body)?;
        let mut clauses = Vec::new();
        if let Some(clause) = s.elif_else_clauses.get(MOST_CLAUSES) {
            let what = format!("more than {MOST_CLAUSES} `elif`");
            return self.refuse(clause.range, &what, "use a dict");
        }
        for clause in &s.elif_else_clauses {
            let test = self.maybe(clause.test.as_ref())?;
            clauses.push((self.at(clause.range), test, self.block(&clause.body)?));
        }
        let mut orelse = Vec::new();
        for (at, test, body) in clauses.into_iter().rev() {
            orelse = match test {
                None => body,
                Some(test) => vec![Node { at, kind: StatementKind::If { test, body, orelse } }],
            };
        }
        Ok(StatementKind::If { test, body, orelse })
    }

    fn with(&mut self, s: &ruff::StmtWith) -> Result<StatementKind> {
        let mut items = Vec::new();
        for item in &s.items {
            let manager = self.expression(&item.context_expr)?;
            let target = item.optional_vars.as_deref().map(|t| self.target(t)).transpose()?;
            items.push((manager, target));
        }
        Ok(StatementKind::With { items, body: self.block(&s.body)?, is_async: s.is_async })
    }

    fn attempt(&mut self, s: &ruff::StmtTry) -> Result<StatementKind> {
        if s.is_star {
            return self.refuse(s.range, "`except*`", "write `except`");
        }
        let body = self.block(&s.body)?;
        let mut handlers = Vec::new();
        for handler in &s.handlers {
            let ruff::ExceptHandler::ExceptHandler(handler) = handler;
            handlers.push(Handler {
                at: self.at(handler.range),
                class: self.maybe(handler.type_.as_deref())?,
                name: handler.name.as_ref().map(|n| self.name(n)),
                body: self.block(&handler.body)?,
            });
        }
        let (orelse, finally) = (self.block(&s.orelse)?, self.block(&s.finalbody)?);
        Ok(StatementKind::Try { body, handlers, orelse, finally })
    }

    fn import(&mut self, s: &ruff::StmtImport) -> Result<StatementKind> {
        let mut names = Vec::new();
        for alias in &s.names {
            let at = self.at(alias.range);
            match (alias.name.split_once('.'), &alias.asname) {
                // It imports the module, and binds its package.
                (Some((package, _)), None) => {
                    names.push((at, Name::from(&*alias.name), self.name(package)));
                    names.push((at, Name::from(package), self.name(package)));
                }
                (_, bind) => {
                    let bind = bind.as_ref().unwrap_or(&alias.name);
                    names.push((at, Name::from(&*alias.name), self.name(bind)));
                }
            }
        }
        Ok(StatementKind::Import(names))
    }

    fn import_from(&mut self, s: &ruff::StmtImportFrom) -> Result<StatementKind> {
        let Some(module) = s.module.as_ref().filter(|_| s.level == 0) else {
            return self.refuse(s.range, "a relative import", "put all into one file");
        };
        let mut names = Vec::new();
        for alias in &s.names {
            if &*alias.name == "*" {
                return self.refuse(alias.range, "`import *`", "name what is imported");
            }
            let bind = alias.asname.as_ref().unwrap_or(&alias.name);
            names.push((Name::from(&*alias.name), self.name(bind)));
        }
        Ok(StatementKind::ImportFrom { module: Name::from(&**module), names })
    }

    fn targets(&mut self, targets: &[Expr]) -> Result<Vec<Expression>> {
        targets.iter().map(|target| self.target(target)).collect()
    }
}
