//! Ruff's expressions become ours, or are refused.
//!
//! *Promises*: each construct outside the subset is refused with its place and a remedy.
//! *Leaves out*: statements (`python/front/parse.rs`).

use crate::python::front::position::Position;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{
    BinaryOperator, Clause, Comparison, Comprehension, ComprehensionKind, Constant, Conversion,
    Expression, ExpressionKind, FunctionTree, Name, Node, Parameters, Piece, StatementKind,
    UnaryOperator, private,
};
use ruff_python_ast as ruff;
use ruff_python_ast::Expr;
use ruff_text_size::{Ranged, TextRange};
use std::sync::Arc;

/// How deep statements and expressions may be nested.
const DEEPEST: usize = 100;

/// A result, or why the file is refused.
pub(crate) type Result<T> = std::result::Result<T, Refusal>;

/// What is known while a tree is read.
pub(crate) struct Reader<'a> {
    pub(crate) text: &'a str,
    pub(crate) line_starts: Vec<usize>,
    pub(crate) scopes: usize,
    pub(crate) depth: usize,
    /// The name of the class around.
    pub(crate) class: String,
}

impl Reader<'_> {
    pub(crate) fn at(&self, range: TextRange) -> Position {
        let offset = range.start().to_usize().min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let from = self.line_starts[line - 1];
        let column = self.text.get(from..offset).map_or(0, |before| before.chars().count());
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: number(line), column: number(column + 1) }
    }

    pub(crate) fn refuse<T>(&self, range: TextRange, what: &str, instead: &str) -> Result<T> {
        Err(Refusal::subset(self.at(range), what, instead))
    }

    /// A name as the code means it.
    pub(crate) fn name(&self, identifier: &str) -> Name {
        private(&self.class, identifier).unwrap_or_else(|| Name::from(identifier))
    }

    pub(crate) fn scope(&mut self) -> usize {
        self.scopes += 1;
        self.scopes - 1
    }

    pub(crate) fn deeper<T>(
        &mut self,
        range: TextRange,
        f: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.depth >= DEEPEST {
            let what = format!("code nested more than {DEEPEST} deep");
            return self.refuse(range, &what, "give parts of it names of their own");
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    pub(crate) fn maybe(&mut self, expression: Option<&Expr>) -> Result<Option<Expression>> {
        expression.map(|e| self.expression(e)).transpose()
    }

    pub(crate) fn all(&mut self, list: &[Expr]) -> Result<Vec<Expression>> {
        list.iter().map(|e| self.expression(e)).collect()
    }

    pub(crate) fn boxed(&mut self, expression: &Expr) -> Result<Box<Expression>> {
        Ok(Box::new(self.expression(expression)?))
    }

    pub(crate) fn expression(&mut self, e: &Expr) -> Result<Expression> {
        let kind = self.deeper(e.range(), |r| r.expression_kind(e))?;
        Ok(Node { at: self.at(e.range()), kind })
    }

    pub(crate) fn expression_kind(&mut self, e: &Expr) -> Result<ExpressionKind> {
        use ExpressionKind as K;
        let range = e.range();
        Ok(match e {
            Expr::NoneLiteral(_) => K::Constant(Constant::None),
            Expr::BooleanLiteral(e) => K::Constant(Constant::Bool(e.value)),
            Expr::NumberLiteral(e) => K::Constant(self.number(range, &e.value)?),
            Expr::StringLiteral(e) => K::Constant(Constant::Str(Arc::from(e.value.to_str()))),
            Expr::BytesLiteral(e) => {
                let text: String = e.value.bytes().map(char::from).collect();
                K::Constant(Constant::Bytes(Arc::from(text)))
            }
            Expr::FString(e) => K::Joined(self.joined(e)?),
            Expr::Name(e) => K::Name(self.name(&e.id)),
            Expr::EllipsisLiteral(_) => K::Constant(Constant::Ellipsis),
            Expr::List(e) => K::List(self.items(&e.elts)?),
            Expr::Tuple(e) => K::Tuple(self.items(&e.elts)?),
            Expr::Set(e) => K::Set(self.items(&e.elts)?),
            Expr::Dict(e) => K::Dict(self.dict(e)?),
            Expr::BinOp(e) => K::Binary {
                operator: self.operator(e.op),
                left: self.boxed(&e.left)?,
                right: self.boxed(&e.right)?,
            },
            Expr::UnaryOp(e) => {
                K::Unary { operator: unary(e.op), operand: self.boxed(&e.operand)? }
            }
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
            Expr::Attribute(e) => {
                K::Attribute { object: self.boxed(&e.value)?, name: self.name(&e.attr) }
            }
            Expr::Subscript(e) => {
                K::Subscript { object: self.boxed(&e.value)?, index: self.boxed(&e.slice)? }
            }
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
            Expr::YieldFrom(e) => K::YieldFrom(self.boxed(&e.value)?),
            Expr::Await(e) => K::Await(self.boxed(&e.value)?),
            Expr::Named(e) => match &*e.target {
                Expr::Name(target) => {
                    K::Named { name: self.name(&target.id), value: self.boxed(&e.value)? }
                }
                _ => return self.refuse(range, "this `:=`", "assign in a statement of its own"),
            },
            other => return self.other(other),
        })
    }

    pub(crate) fn other<T>(&self, e: &Expr) -> Result<T> {
        let (what, instead) = match e {
            Expr::TString(_) => ("a t-string", "write an f-string"),
            Expr::Starred(_) => ("a star here", "name each item"),
            _ => ("this", "leave it out"),
        };
        self.refuse(e.range(), what, instead)
    }

    pub(crate) fn number(&self, range: TextRange, number: &ruff::Number) -> Result<Constant> {
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

    fn dict(&mut self, e: &ruff::ExprDict) -> Result<Vec<(Option<Expression>, Expression)>> {
        let item = |item: &ruff::DictItem| {
            Ok((self.maybe(item.key.as_ref())?, self.expression(&item.value)?))
        };
        e.items.iter().map(item).collect()
    }

    /// Expressions of which some may have a star.
    fn items(&mut self, list: &[Expr]) -> Result<Vec<Expression>> {
        list.iter().map(|e| self.item(e)).collect()
    }

    fn item(&mut self, e: &Expr) -> Result<Expression> {
        match e {
            Expr::Starred(starred) => {
                let value = self.boxed(&starred.value)?;
                Ok(Node { at: self.at(starred.range), kind: ExpressionKind::Starred(value) })
            }
            _ => self.expression(e),
        }
    }

    pub(crate) fn call(&mut self, e: &ruff::ExprCall) -> Result<ExpressionKind> {
        let function = self.boxed(&e.func)?;
        let arguments = self.items(&e.arguments.args)?;
        let mut keywords = Vec::new();
        for keyword in &e.arguments.keywords {
            // Python does not make it the class's own, unlike the parameter.
            let name = keyword.arg.as_ref().map(|arg| Name::from(&**arg));
            if name.is_some() && keywords.iter().any(|(other, _)| *other == name) {
                let why = format!("keyword argument repeated: {}", name.unwrap_or_default());
                return Err(Refusal::syntax(self.at(keyword.range), why));
            }
            keywords.push((name, self.expression(&keyword.value)?));
        }
        Ok(ExpressionKind::Call { function, arguments, keywords })
    }

    pub(crate) fn lambda(&mut self, e: &ruff::ExprLambda) -> Result<ExpressionKind> {
        let scope = self.scope();
        let parameters = match &e.parameters {
            Some(parameters) => self.parameters(parameters)?,
            None => Parameters::default(),
        };
        let value = self.expression(&e.body)?;
        let body = vec![Node { at: value.at, kind: StatementKind::Return(Some(value)) }];
        let name = Name::from("<lambda>");
        let (name, bound) = (name.clone(), name);
        let function = FunctionTree { scope, name, bound, parameters, body, is_async: false };
        Ok(ExpressionKind::Lambda(Arc::new(function)))
    }

    pub(crate) fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        element: &Expr,
        value: Option<&Expr>,
        clauses: &[ruff::Comprehension],
    ) -> Result<ExpressionKind> {
        let scope = self.scope();
        let mut read = Vec::new();
        for clause in clauses {
            read.push(Clause {
                target: self.target(&clause.target)?,
                iterable: self.expression(&clause.iter)?,
                conditions: self.all(&clause.ifs)?,
                is_async: clause.is_async,
            });
        }
        let (element, value) = (self.expression(element)?, self.maybe(value)?);
        let made = Comprehension { scope, kind, element, value, clauses: read };
        Ok(ExpressionKind::Comprehension(Arc::new(made)))
    }

    pub(crate) fn joined(&mut self, e: &ruff::ExprFString) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for part in e.value.iter() {
            match part {
                ruff::FStringPart::Literal(text) => {
                    pieces.push(Piece::Text(Arc::from(&*text.value)))
                }
                ruff::FStringPart::FString(f) => pieces.extend(self.pieces(&f.elements)?),
            }
        }
        Ok(pieces)
    }

    pub(crate) fn pieces(
        &mut self,
        elements: &ruff::InterpolatedStringElements,
    ) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for element in elements {
            let e = match element {
                ruff::InterpolatedStringElement::Literal(text) => {
                    pieces.push(Piece::Text(Arc::from(&*text.value)));
                    continue;
                }
                ruff::InterpolatedStringElement::Interpolation(e) => e,
            };
            if let Some(debug) = &e.debug_text {
                let range = std::ops::Range::<usize>::from(e.expression.range());
                let source = self.text.get(range).unwrap_or("");
                let text = format!("{}{source}{}", debug.leading(), debug.trailing());
                pieces.push(Piece::Text(Arc::from(text)));
            }
            let conversion = match e.conversion {
                ruff::ConversionFlag::None if e.debug_text.is_some() && e.format_spec.is_none() => {
                    Conversion::Repr
                }
                ruff::ConversionFlag::None => Conversion::Format,
                ruff::ConversionFlag::Str => Conversion::Str,
                ruff::ConversionFlag::Repr => Conversion::Repr,
                ruff::ConversionFlag::Ascii => Conversion::Ascii,
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

    pub(crate) fn parameters(&mut self, parameters: &ruff::Parameters) -> Result<Parameters> {
        let mut read = |list: &[ruff::ParameterWithDefault]| {
            let one = |p: &ruff::ParameterWithDefault| {
                Ok((self.name(&p.parameter.name), self.maybe(p.default.as_deref())?))
            };
            list.iter().map(one).collect::<Result<Vec<_>>>()
        };
        let mut positional = read(&parameters.posonlyargs)?;
        positional.extend(read(&parameters.args)?);
        let keyword_only = read(&parameters.kwonlyargs)?;
        let rest = parameters.vararg.as_ref().map(|p| self.name(&p.name));
        let keywords = parameters.kwarg.as_ref().map(|p| self.name(&p.name));
        let position_only = parameters.posonlyargs.len();
        let names = || parameters.iter().map(|p| (&*p.name().id, p.name().range));
        for (at, (name, range)) in names().enumerate() {
            if names().take(at).any(|(other, _)| other == name) {
                let why = format!("duplicate argument '{name}' in function definition");
                return Err(Refusal::syntax(self.at(range), why));
            }
        }
        Ok(Parameters { positional, position_only, rest, keyword_only, keywords })
    }

    pub(crate) fn target(&mut self, target: &Expr) -> Result<Expression> {
        self.item(target)
    }

    pub(crate) fn operator(&self, operator: ruff::Operator) -> BinaryOperator {
        match operator {
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
            ruff::Operator::MatMult => BinaryOperator::MatrixMultiply,
        }
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
