//! The tree: the subset of Python, as plain data.
//!
//! *Promises*: what can be written as a tree is in the subset; all else was refused when it was
//! parsed.
//! *Leaves out*: which variable a name is (`python/front/names.rs`).

use crate::python::front::position::Position;
use std::sync::Arc;

/// A name.
pub type Name = Arc<str>;

/// What a name within a class becomes if it is private: it begins with two underscores, and does not
/// end so.
///
/// ```
/// use singletrack::python::front::tree::private;
///
/// assert_eq!(private("_Account", "__owner").as_deref(), Some("_Account__owner"));
/// assert_eq!(private("_Account", "__init__"), None);
/// ```
pub fn private(class: &str, name: &str) -> Option<Name> {
    let class = class.trim_start_matches('_');
    let own = name.starts_with("__") && !name.ends_with("__") && !class.is_empty();
    own.then(|| Name::from(format!("_{class}{name}")))
}

/// A part of the program, and where it stands.
#[derive(Debug, Clone)]
pub struct Node<T> {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub kind: T,
}

/// A statement.
pub type Statement = Node<StatementKind>;
/// An expression.
pub type Expression = Node<ExpressionKind>;

/// A function, a lambda, or the code of a comprehension.
#[derive(Debug)]
pub struct FunctionTree {
    /// The number of its scope.
    pub scope: usize,
    /// Its name; `<lambda>` if it has none.
    pub name: Name,
    /// The name that it is bound to, which a class may have made its own.
    pub bound: Name,
    /// Its parameters.
    pub parameters: Parameters,
    /// What it does. A lambda returns its expression.
    pub body: Vec<Statement>,
    /// `async def`: a call makes a coroutine.
    pub is_async: bool,
}

/// The parameters of a function.
#[derive(Debug, Default)]
pub struct Parameters {
    /// By position or by keyword, with defaults. The first `position_only` only by position.
    pub positional: Vec<(Name, Option<Expression>)>,
    /// How many are by position only.
    pub position_only: usize,
    /// `*name`, which gets the rest of those by position.
    pub rest: Option<Name>,
    /// By keyword only.
    pub keyword_only: Vec<(Name, Option<Expression>)>,
    /// `**name`, which gets the rest of those by keyword.
    pub keywords: Option<Name>,
}

/// One `except` clause.
#[derive(Debug)]
pub struct Handler {
    /// Where it begins.
    pub at: Position,
    /// Which exceptions; all if there is none.
    pub class: Option<Expression>,
    /// `as name`.
    pub name: Option<Name>,
    /// What it does.
    pub body: Vec<Statement>,
}

/// What a statement is.
#[derive(Debug)]
#[allow(missing_docs, reason = "the fields are those of Python's grammar")]
pub enum StatementKind {
    Function(Arc<FunctionTree>),
    Class {
        scope: usize,
        name: Name,
        /// As that of a function.
        bound: Name,
        bases: Vec<Expression>,
        /// The names that have a type, in order.
        declared: Vec<Name>,
        body: Vec<Statement>,
    },
    /// A function or a class below its decorators.
    Decorated {
        decorators: Vec<Expression>,
        definition: Box<Statement>,
    },
    Return(Option<Expression>),
    Delete(Vec<Expression>),
    Assign {
        targets: Vec<Expression>,
        value: Expression,
    },
    Augmented {
        target: Expression,
        operator: BinaryOperator,
        value: Expression,
    },
    /// `x: int`, which makes `x` a local name and does nothing.
    Declared(Name),
    For {
        target: Expression,
        iterable: Expression,
        body: Vec<Statement>,
        orelse: Vec<Statement>,
        is_async: bool,
    },
    While {
        test: Expression,
        body: Vec<Statement>,
        orelse: Vec<Statement>,
    },
    If {
        test: Expression,
        body: Vec<Statement>,
        orelse: Vec<Statement>,
    },
    With {
        items: Vec<(Expression, Option<Expression>)>,
        body: Vec<Statement>,
        is_async: bool,
    },
    Raise(Option<Expression>),
    /// `raise exception from cause`.
    RaiseFrom(Expression, Expression),
    Try {
        body: Vec<Statement>,
        handlers: Vec<Handler>,
        orelse: Vec<Statement>,
        finally: Vec<Statement>,
    },
    Assert {
        test: Expression,
        message: Option<Expression>,
    },
    /// `import module as bind, …`.
    Import(Vec<(Position, Name, Name)>),
    /// `from module import name as bind, …`.
    ImportFrom {
        module: Name,
        names: Vec<(Name, Name)>,
    },
    Global(Vec<Name>),
    Nonlocal(Vec<Name>),
    Expression(Expression),
    Pass,
    Break,
    Continue,
}

/// A value that stands in the source.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum Constant {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Arc<str>),
    /// A text whose characters are bytes.
    Bytes(Arc<str>),
}

/// What an expression is.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of Python's grammar")]
pub enum ExpressionKind {
    Constant(Constant),
    Name(Name),
    List(Vec<Expression>),
    Tuple(Vec<Expression>),
    Set(Vec<Expression>),
    /// Keys and values; where there is no key, `**value`.
    Dict(Vec<(Option<Expression>, Expression)>),
    /// `*value`, in a list, a tuple, a set, a call or a target.
    Starred(Box<Expression>),
    Binary {
        operator: BinaryOperator,
        left: Box<Expression>,
        right: Box<Expression>,
    },
    Unary {
        operator: UnaryOperator,
        operand: Box<Expression>,
    },
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Compare {
        left: Box<Expression>,
        rest: Vec<(Comparison, Expression)>,
    },
    Conditional {
        test: Box<Expression>,
        then: Box<Expression>,
        otherwise: Box<Expression>,
    },
    Call {
        function: Box<Expression>,
        arguments: Vec<Expression>,
        /// Where there is no name, `**value`.
        keywords: Vec<(Option<Name>, Expression)>,
    },
    Attribute {
        object: Box<Expression>,
        name: Name,
    },
    Subscript {
        object: Box<Expression>,
        index: Box<Expression>,
    },
    Slice(Box<[Option<Expression>; 3]>),
    Lambda(Arc<FunctionTree>),
    Comprehension(Arc<Comprehension>),
    Yield(Option<Box<Expression>>),
    YieldFrom(Box<Expression>),
    Await(Box<Expression>),
    Joined(Vec<Piece>),
    Named {
        name: Name,
        value: Box<Expression>,
    },
}

/// A comprehension, or a generator expression.
#[derive(Debug)]
pub struct Comprehension {
    /// The number of its scope.
    pub scope: usize,
    /// What it makes.
    pub kind: ComprehensionKind,
    /// Its element, or its key.
    pub element: Expression,
    /// The value that goes with the key.
    pub value: Option<Expression>,
    /// Its `for` clauses.
    pub clauses: Vec<Clause>,
}

/// What a comprehension makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum ComprehensionKind {
    List,
    Set,
    Dict,
    Generator,
}

/// `for target in iterable if … if …`.
#[derive(Debug)]
#[allow(missing_docs, reason = "they are Python's")]
pub struct Clause {
    pub target: Expression,
    pub iterable: Expression,
    pub conditions: Vec<Expression>,
    pub is_async: bool,
}

/// A piece of an f-string.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum Piece {
    Text(Arc<str>),
    Value { value: Expression, conversion: Conversion, format: Vec<Piece> },
}

/// `!s`, `!r`, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum Conversion {
    Format,
    Str,
    Repr,
    Ascii,
}

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    LeftShift,
    RightShift,
    And,
    Or,
    Xor,
    MatrixMultiply,
}

/// An operator before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum UnaryOperator {
    Negative,
    Positive,
    Invert,
    Not,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Is,
    IsNot,
    In,
    NotIn,
}

impl Comparison {
    /// Whether it is one of the six that compare by value.
    pub fn is_order(self) -> bool {
        !matches!(self, Comparison::Is | Comparison::IsNot | Comparison::In | Comparison::NotIn)
    }
}
