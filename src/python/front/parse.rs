//! The parser: Ruff's, and the one place that knows it. Its tree becomes ours, or is refused.
//!
//! *Promises*: no panic, whatever the text; each construct outside the subset is refused with its
//! place and a remedy, and none is ignored; source that is nested too deeply is refused.
//! *Leaves out*: which names exist (`front/names.rs`); whether a call can work.

use crate::python::front::position::Position;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{
    BinaryOperator, Clause, Comparison, Comprehension, ComprehensionKind, Constant, Conversion,
    Expression, ExpressionKind, FunctionTree, Handler, Name, Node, Parameters, Piece, Statement,
    StatementKind, UnaryOperator,
};
use ruff_python_ast as ruff;
use ruff_python_ast::{Expr, Stmt};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::{Ranged, TextRange};
use std::rc::Rc;

/// How deep statements and expressions may be nested.
const DEEPEST: usize = 100;
/// The longest source.
const LONGEST: usize = 1 << 20;

type Result<T> = std::result::Result<T, Refusal>;

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
/// let refusal = parse("@cached\ndef f(): pass\n").unwrap_err();
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
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut reader = Reader { text, line_starts: starts, scopes: 1, depth: 0 };
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    let result = match parsed.errors().first() {
        Some(error) => Err(Refusal::syntax(reader.at(error.location), &error.error)),
        None => match parsed.syntax() {
            ruff::Mod::Module(module) => reader.block(&module.body),
            ruff::Mod::Expression(_) => Ok(Vec::new()),
        },
    };
    if result.is_err() {
        // It may be nested so deeply that dropping it would overflow the stack.
        std::mem::forget(parsed);
    }
    Ok(Module { body: result?, scopes: reader.scopes })
}

struct Reader<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
    scopes: usize,
    depth: usize,
}

fn name(identifier: &str) -> Name {
    Rc::from(identifier)
}

impl Reader<'_> {
    fn at(&self, range: TextRange) -> Position {
        let offset = range.start().to_usize().min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let from = self.line_starts[line - 1];
        let column = self.text.get(from..offset).map_or(0, |before| before.chars().count());
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: number(line), column: number(column + 1) }
    }

    fn refuse<T>(&self, range: TextRange, what: &str, instead: &str) -> Result<T> {
        Err(Refusal::subset(self.at(range), what, instead))
    }

    fn scope(&mut self) -> usize {
        self.scopes += 1;
        self.scopes - 1
    }

    fn deeper<T>(&mut self, range: TextRange, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEEPEST {
            let what = format!("code nested more than {DEEPEST} deep");
            return self.refuse(range, &what, "give parts of it names of their own");
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

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
                operator: self.operator(range, s.op)?,
                value: self.expression(&s.value)?,
            },
            Stmt::AnnAssign(s) => self.annotated(s)?,
            Stmt::For(s) if s.is_async => return self.refuse_async(range),
            Stmt::For(s) => StatementKind::For {
                target: self.target(&s.target)?,
                iterable: self.expression(&s.iter)?,
                body: self.block(&s.body)?,
                orelse: self.block(&s.orelse)?,
            },
            Stmt::While(s) => StatementKind::While {
                test: self.expression(&s.test)?,
                body: self.block(&s.body)?,
                orelse: self.block(&s.orelse)?,
            },
            Stmt::If(s) => self.conditional(s)?,
            Stmt::With(s) if s.is_async => return self.refuse_async(range),
            Stmt::With(s) => self.with(s)?,
            Stmt::Raise(s) => match &s.cause {
                Some(cause) => {
                    return self.refuse(cause.range(), "`raise … from`", "write `raise` alone");
                }
                None => StatementKind::Raise(self.maybe(s.exc.as_deref())?),
            },
            Stmt::Try(s) => self.attempt(s)?,
            Stmt::Assert(s) => StatementKind::Assert {
                test: self.expression(&s.test)?,
                message: self.maybe(s.msg.as_deref())?,
            },
            Stmt::Import(s) => self.import(s)?,
            Stmt::ImportFrom(s) => self.import_from(s)?,
            Stmt::Global(s) => StatementKind::Global(s.names.iter().map(|n| name(n)).collect()),
            Stmt::Nonlocal(s) => StatementKind::Nonlocal(s.names.iter().map(|n| name(n)).collect()),
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

    fn refuse_async<T>(&self, range: TextRange) -> Result<T> {
        self.refuse(range, "`async`", "write it with threads")
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
        if let Some(decorator) = def.decorator_list.first() {
            return self.refuse_decorator(decorator);
        }
        if def.is_async {
            return self.refuse(def.range, "an `async` function", "write it with threads");
        }
        if let Some(types) = &def.type_params {
            return self.refuse(types.range, "a type parameter", "leave types out");
        }
        let scope = self.scope();
        let parameters = self.parameters(&def.parameters)?;
        let body = self.block(&def.body)?;
        let function = FunctionTree { scope, name: name(&def.name), parameters, body };
        Ok(StatementKind::Function(Rc::new(function)))
    }

    fn refuse_decorator<T>(&self, decorator: &ruff::Decorator) -> Result<T> {
        self.refuse(decorator.range, "a decorator", "write `f = decorator(f)` below the function")
    }

    fn parameters(&mut self, parameters: &ruff::Parameters) -> Result<Parameters> {
        if let Some(starred) = &parameters.kwarg {
            return self.refuse(starred.range, "a parameter with two stars", "name each parameter");
        }
        let mut read = |list: &[ruff::ParameterWithDefault]| {
            let one = |p: &ruff::ParameterWithDefault| {
                Ok((name(&p.parameter.name), self.maybe(p.default.as_deref())?))
            };
            list.iter().map(one).collect::<Result<Vec<_>>>()
        };
        let mut positional = read(&parameters.posonlyargs)?;
        positional.extend(read(&parameters.args)?);
        let keyword_only = read(&parameters.kwonlyargs)?;
        let rest = parameters.vararg.as_ref().map(|p| name(&p.name));
        let position_only = parameters.posonlyargs.len();
        Ok(Parameters { positional, position_only, rest, keyword_only })
    }

    fn class(&mut self, def: &ruff::StmtClassDef) -> Result<StatementKind> {
        if let Some(decorator) = def.decorator_list.first() {
            return self.refuse_decorator(decorator);
        }
        if let Some(types) = &def.type_params {
            return self.refuse(types.range, "a type parameter", "leave types out");
        }
        let scope = self.scope();
        let mut base = None;
        if let Some(arguments) = &def.arguments {
            if let Some(keyword) = arguments.keywords.first() {
                let what = match keyword.arg.as_deref() {
                    Some("metaclass") => "a metaclass",
                    _ => "a keyword of a class",
                };
                return self.refuse(keyword.range, what, "write a plain class");
            }
            if let Some(second) = arguments.args.get(1) {
                return self.refuse(second.range(), "a second base class", "keep one");
            }
            base = self.maybe(arguments.args.first())?;
        }
        let body = self.block(&def.body)?;
        Ok(StatementKind::Class { scope, name: name(&def.name), base, body })
    }

    fn conditional(&mut self, s: &ruff::StmtIf) -> Result<StatementKind> {
        let test = self.expression(&s.test)?;
        let body = self.block(&s.body)?;
        let mut clauses = Vec::new();
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
        Ok(StatementKind::With { items, body: self.block(&s.body)? })
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
                name: handler.name.as_ref().map(|n| name(n)),
                body: self.block(&handler.body)?,
            });
        }
        let (orelse, finally) = (self.block(&s.orelse)?, self.block(&s.finalbody)?);
        Ok(StatementKind::Try { body, handlers, orelse, finally })
    }

    fn import(&mut self, s: &ruff::StmtImport) -> Result<StatementKind> {
        let mut names = Vec::new();
        for alias in &s.names {
            self.dotted(alias)?;
            let bind = name(alias.asname.as_ref().unwrap_or(&alias.name));
            names.push((self.at(alias.range), name(&alias.name), bind));
        }
        Ok(StatementKind::Import(names))
    }

    fn dotted(&self, alias: &ruff::Alias) -> Result<()> {
        match alias.name.contains('.') {
            true => self.refuse(alias.range, "a module of a package", "import a plain module"),
            false => Ok(()),
        }
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
            names.push((name(&alias.name), name(alias.asname.as_ref().unwrap_or(&alias.name))));
        }
        Ok(StatementKind::ImportFrom { module: name(module), names })
    }

    fn targets(&mut self, targets: &[Expr]) -> Result<Vec<Expression>> {
        targets.iter().map(|target| self.target(target)).collect()
    }

    fn target(&mut self, target: &Expr) -> Result<Expression> {
        self.expression(target)
    }

    fn maybe(&mut self, expression: Option<&Expr>) -> Result<Option<Expression>> {
        expression.map(|e| self.expression(e)).transpose()
    }

    fn all(&mut self, list: &[Expr]) -> Result<Vec<Expression>> {
        list.iter().map(|e| self.expression(e)).collect()
    }

    fn boxed(&mut self, expression: &Expr) -> Result<Box<Expression>> {
        Ok(Box::new(self.expression(expression)?))
    }

    fn expression(&mut self, e: &Expr) -> Result<Expression> {
        let kind = self.deeper(e.range(), |r| r.expression_kind(e))?;
        Ok(Node { at: self.at(e.range()), kind })
    }

    fn expression_kind(&mut self, e: &Expr) -> Result<ExpressionKind> {
        use ExpressionKind as K;
        let range = e.range();
        Ok(match e {
            Expr::NoneLiteral(_) => K::Constant(Constant::None),
            Expr::BooleanLiteral(e) => K::Constant(Constant::Bool(e.value)),
            Expr::NumberLiteral(e) => K::Constant(self.number(range, &e.value)?),
            Expr::StringLiteral(e) => K::Constant(Constant::Str(Rc::from(e.value.to_str()))),
            Expr::FString(e) => K::Joined(self.joined(e)?),
            Expr::Name(e) => K::Name(name(&e.id)),
            Expr::List(e) => K::List(self.all(&e.elts)?),
            Expr::Tuple(e) => K::Tuple(self.all(&e.elts)?),
            Expr::Set(e) => K::Set(self.all(&e.elts)?),
            Expr::Dict(e) => K::Dict(self.dict(e)?),
            Expr::BinOp(e) => K::Binary {
                operator: self.operator(range, e.op)?,
                left: self.boxed(&e.left)?,
                right: self.boxed(&e.right)?,
            },
            Expr::UnaryOp(e) => K::Unary {
                operator: unary(e.op),
                operand: self.boxed(&e.operand)?,
            },
            Expr::BoolOp(e) => match e.op {
                ruff::BoolOp::And => K::And(self.all(&e.values)?),
                ruff::BoolOp::Or => K::Or(self.all(&e.values)?),
            },
            Expr::Compare(e) => {
                let left = self.boxed(&e.left)?;
                let rest = e.ops.iter().zip(&e.comparators);
                let rest = rest.map(|(op, e)| Ok((comparison(*op), self.expression(e)?)));
                K::Compare { left, rest: rest.collect::<Result<_>>()? }
            }
            Expr::If(e) => K::Conditional {
                test: self.boxed(&e.test)?,
                then: self.boxed(&e.body)?,
                otherwise: self.boxed(&e.orelse)?,
            },
            Expr::Call(e) => self.call(e)?,
            Expr::Attribute(e) => K::Attribute {
                object: self.boxed(&e.value)?,
                name: name(&e.attr),
            },
            Expr::Subscript(e) => K::Subscript {
                object: self.boxed(&e.value)?,
                index: self.boxed(&e.slice)?,
            },
            Expr::Slice(e) => {
                let parts = [&e.lower, &e.upper, &e.step];
                let [a, b, c] = parts.map(|part| self.maybe(part.as_deref()));
                K::Slice(Box::new([a?, b?, c?]))
            }
            Expr::Lambda(e) => self.lambda(e)?,
            Expr::ListComp(e) => {
                self.comprehension(ComprehensionKind::List, &e.elt, None, &e.generators)?
            }
            Expr::SetComp(e) => {
                self.comprehension(ComprehensionKind::Set, &e.elt, None, &e.generators)?
            }
            Expr::Generator(e) => {
                self.comprehension(ComprehensionKind::Generator, &e.elt, None, &e.generators)?
            }
            Expr::DictComp(e) => match &e.key {
                None => return self.refuse(range, "`**` in a comprehension", "write a loop"),
                Some(key) => {
                    let kind = ComprehensionKind::Dict;
                    self.comprehension(kind, key, Some(&e.value), &e.generators)?
                }
            },
            Expr::Yield(e) => {
                K::Yield(e.value.as_deref().map(|value| self.boxed(value)).transpose()?)
            }
            Expr::Named(e) => match &*e.target {
                Expr::Name(target) => {
                    K::Named { name: name(&target.id), value: self.boxed(&e.value)? }
                }
                _ => return self.refuse(range, "this `:=`", "assign in a statement of its own"),
            },
            other => return self.other(other),
        })
    }

    fn other<T>(&self, e: &Expr) -> Result<T> {
        let (what, instead) = match e {
            Expr::Await(_) => ("`await`", "write it with threads"),
            Expr::YieldFrom(_) => ("`yield from`", "write `for x in …: yield x`"),
            Expr::TString(_) => ("a t-string", "write an f-string"),
            Expr::BytesLiteral(_) => ("a bytes literal", "write a string"),
            Expr::EllipsisLiteral(_) => ("`...`", "write `pass`"),
            Expr::Starred(_) => ("a star", "name each item"),
            _ => ("this", "leave it out"),
        };
        self.refuse(e.range(), what, instead)
    }

    fn number(&self, range: TextRange, number: &ruff::Number) -> Result<Constant> {
        match number {
            ruff::Number::Int(int) => match int.as_i64() {
                Some(int) => Ok(Constant::Int(int)),
                None => self.refuse(range, "an int of more than 64 bits", "write a smaller one"),
            },
            ruff::Number::Float(float) => Ok(Constant::Float(*float)),
            ruff::Number::Complex { .. } => {
                self.refuse(range, "a complex number", "write two floats")
            }
        }
    }

    fn dict(&mut self, e: &ruff::ExprDict) -> Result<Vec<(Expression, Expression)>> {
        let mut items = Vec::new();
        for item in &e.items {
            let Some(key) = &item.key else {
                return self.refuse(item.value.range(), "`**` in a dict", "call `update`");
            };
            items.push((self.expression(key)?, self.expression(&item.value)?));
        }
        Ok(items)
    }

    fn call(&mut self, e: &ruff::ExprCall) -> Result<ExpressionKind> {
        let function = self.boxed(&e.func)?;
        let mut arguments = Vec::new();
        for argument in &e.arguments.args {
            if let Expr::Starred(starred) = argument {
                let instead = "name each argument";
                return self.refuse(starred.range, "an argument with a star", instead);
            }
            arguments.push(self.expression(argument)?);
        }
        let mut keywords = Vec::new();
        for keyword in &e.arguments.keywords {
            let Some(arg) = &keyword.arg else {
                let instead = "name each argument";
                return self.refuse(keyword.range, "an argument with two stars", instead);
            };
            keywords.push((name(arg), self.expression(&keyword.value)?));
        }
        Ok(ExpressionKind::Call { function, arguments, keywords })
    }

    fn lambda(&mut self, e: &ruff::ExprLambda) -> Result<ExpressionKind> {
        let scope = self.scope();
        let parameters = match &e.parameters {
            Some(parameters) => self.parameters(parameters)?,
            None => Parameters::default(),
        };
        let value = self.expression(&e.body)?;
        let body = vec![Node { at: value.at, kind: StatementKind::Return(Some(value)) }];
        let function = FunctionTree { scope, name: name("<lambda>"), parameters, body };
        Ok(ExpressionKind::Lambda(Rc::new(function)))
    }

    fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        element: &Expr,
        value: Option<&Expr>,
        clauses: &[ruff::Comprehension],
    ) -> Result<ExpressionKind> {
        let scope = self.scope();
        let mut read = Vec::new();
        for clause in clauses {
            if clause.is_async {
                return self.refuse_async(clause.range);
            }
            read.push(Clause {
                target: self.target(&clause.target)?,
                iterable: self.expression(&clause.iter)?,
                conditions: self.all(&clause.ifs)?,
            });
        }
        let (element, value) = (self.expression(element)?, self.maybe(value)?);
        let made = Comprehension { scope, kind, element, value, clauses: read };
        Ok(ExpressionKind::Comprehension(Rc::new(made)))
    }

    fn joined(&mut self, e: &ruff::ExprFString) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for part in e.value.iter() {
            match part {
                ruff::FStringPart::Literal(text) => pieces.push(Piece::Text(Rc::from(&*text.value))),
                ruff::FStringPart::FString(f) => pieces.extend(self.pieces(&f.elements)?),
            }
        }
        Ok(pieces)
    }

    fn pieces(&mut self, elements: &ruff::InterpolatedStringElements) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for element in elements {
            let e = match element {
                ruff::InterpolatedStringElement::Literal(text) => {
                    pieces.push(Piece::Text(Rc::from(&*text.value)));
                    continue;
                }
                ruff::InterpolatedStringElement::Interpolation(e) => e,
            };
            if e.debug_text.is_some() {
                return self.refuse(e.range, "`=` in an f-string", "write the name as text");
            }
            let conversion = match e.conversion {
                ruff::ConversionFlag::None => Conversion::Format,
                ruff::ConversionFlag::Str => Conversion::Str,
                ruff::ConversionFlag::Repr => Conversion::Repr,
                ruff::ConversionFlag::Ascii => {
                    return self.refuse(e.range, "`!a` in an f-string", "write `!r`");
                }
            };
            let format = match &e.format_spec {
                Some(spec) => self.deeper(e.range, |r| r.pieces(&spec.elements))?,
                None => Vec::new(),
            };
            let value = self.expression(&e.expression)?;
            pieces.push(Piece::Value { value, conversion, format });
        }
        Ok(pieces)
    }

    fn operator(&self, range: TextRange, operator: ruff::Operator) -> Result<BinaryOperator> {
        Ok(match operator {
            ruff::Operator::Add => BinaryOperator::Add,
            ruff::Operator::Sub => BinaryOperator::Subtract,
            ruff::Operator::Mult => BinaryOperator::Multiply,
            ruff::Operator::Div => BinaryOperator::Divide,
            ruff::Operator::FloorDiv => BinaryOperator::FloorDivide,
            ruff::Operator::Mod => BinaryOperator::Modulo,
            ruff::Operator::Pow => BinaryOperator::Power,
            ruff::Operator::LShift => BinaryOperator::LeftShift,
            ruff::Operator::RShift => BinaryOperator::RightShift,
            ruff::Operator::BitAnd => BinaryOperator::And,
            ruff::Operator::BitOr => BinaryOperator::Or,
            ruff::Operator::BitXor => BinaryOperator::Xor,
            ruff::Operator::MatMult => return self.refuse(range, "`@`", "write a function"),
        })
    }
}

fn unary(operator: ruff::UnaryOp) -> UnaryOperator {
    match operator {
        ruff::UnaryOp::USub => UnaryOperator::Negative,
        ruff::UnaryOp::UAdd => UnaryOperator::Positive,
        ruff::UnaryOp::Invert => UnaryOperator::Invert,
        ruff::UnaryOp::Not => UnaryOperator::Not,
    }
}

fn comparison(operator: ruff::CmpOp) -> Comparison {
    match operator {
        ruff::CmpOp::Eq => Comparison::Equal,
        ruff::CmpOp::NotEq => Comparison::NotEqual,
        ruff::CmpOp::Lt => Comparison::Less,
        ruff::CmpOp::LtE => Comparison::LessEqual,
        ruff::CmpOp::Gt => Comparison::Greater,
        ruff::CmpOp::GtE => Comparison::GreaterEqual,
        ruff::CmpOp::Is => Comparison::Is,
        ruff::CmpOp::IsNot => Comparison::IsNot,
        ruff::CmpOp::In => Comparison::In,
        ruff::CmpOp::NotIn => Comparison::NotIn,
    }
}
