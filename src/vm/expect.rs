//! What a program expects of its globals when all threads have ended, and the grammar of that.
//!
//! *Promises*: an expression that is printed is read back as the same one; it means what it means
//! in Python. Numbers have 64 bits and wrap, as in the rest of the machine.
//! *Leaves out*: which schedules break it (`vm/explorer.rs`).
//!
//! ```text
//!   expect a + b == 20 and 0 <= a <= 10
//!
//!   or ── and ── not ── a < b <= c ── a + b - c ── a * b ── -a ── 7, x, ( … )
//!   weakest                                                          strongest
//! ```

use std::fmt;

/// An expression over the globals.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expression {
    /// A number.
    Number(i64),
    /// A global, by its number.
    Global(u16),
    /// `-a`.
    Minus(Box<Expression>),
    /// `not a`.
    Not(Box<Expression>),
    /// `a + b` and its kin, from the left.
    Binary(Box<Expression>, Operator, Box<Expression>),
    /// `a < b <= c`: each neighbouring pair is compared, as in Python.
    Chain(Box<Expression>, Vec<(Comparison, Expression)>),
}

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `or`: the first one that is not 0, else the second.
    Or,
    /// `and`: the first one that is 0, else the second.
    And,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
}

/// A comparison; true is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`.
    Equal,
    /// `!=`.
    Unequal,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
}

impl Operator {
    /// All of them, weakest first.
    pub const ALL: [Operator; 5] =
        [Operator::Or, Operator::And, Operator::Add, Operator::Subtract, Operator::Multiply];

    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Operator::Or => "or",
            Operator::And => "and",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
        }
    }

    /// How strongly it binds.
    pub(crate) fn strength(self) -> u8 {
        match self {
            Operator::Or => 1,
            Operator::And => 2,
            Operator::Add | Operator::Subtract => 5,
            Operator::Multiply => 6,
        }
    }
}

impl Comparison {
    /// All of them.
    pub const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::Unequal,
        Comparison::Less,
        Comparison::LessEqual,
        Comparison::Greater,
        Comparison::GreaterEqual,
    ];

    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::Unequal => "!=",
            Comparison::Less => "<",
            Comparison::LessEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterEqual => ">=",
        }
    }

    fn holds(self, a: i64, b: i64) -> bool {
        match self {
            Comparison::Equal => a == b,
            Comparison::Unequal => a != b,
            Comparison::Less => a < b,
            Comparison::LessEqual => a <= b,
            Comparison::Greater => a > b,
            Comparison::GreaterEqual => a >= b,
        }
    }
}

/// How strongly `not`, a comparison and a minus bind; see [`Operator::strength`].
pub(crate) const NOT: u8 = 3;
pub(crate) const COMPARE: u8 = 4;
pub(crate) const MINUS: u8 = 7;

impl Expression {
    /// Its value; a global that is not there is 0.
    ///
    /// ```
    /// use singletrack::vm::assembler::assemble;
    ///
    /// let program = assemble("global a = 7\nglobal b = 13\nexpect a+b == 20 and not a < 0 <= b")?;
    /// assert_eq!(program.expects[0].condition.value(&[7, 13]), 1);
    /// assert_eq!(program.expects[0].condition.value(&[7, 12]), 0);
    /// # Ok::<(), singletrack::vm::lexemes::AssembleError>(())
    /// ```
    pub fn value(&self, globals: &[i64]) -> i64 {
        match self {
            Expression::Number(number) => *number,
            Expression::Global(global) => {
                globals.get(usize::from(*global)).copied().unwrap_or_default()
            }
            Expression::Minus(of) => of.value(globals).wrapping_neg(),
            Expression::Not(of) => i64::from(of.value(globals) == 0),
            Expression::Binary(a, operator, b) => {
                let a = a.value(globals);
                match operator {
                    Operator::Or if a != 0 => a,
                    Operator::And if a == 0 => a,
                    Operator::Or | Operator::And => b.value(globals),
                    Operator::Add => a.wrapping_add(b.value(globals)),
                    Operator::Subtract => a.wrapping_sub(b.value(globals)),
                    Operator::Multiply => a.wrapping_mul(b.value(globals)),
                }
            }
            Expression::Chain(first, rest) => {
                let mut left = first.value(globals);
                let holds = rest.iter().all(|(comparison, right)| {
                    let right = right.value(globals);
                    let holds = comparison.holds(left, right);
                    left = right;
                    holds
                });
                i64::from(holds)
            }
        }
    }

    /// The greatest number of a global in it, if it has one.
    pub(crate) fn greatest_global(&self) -> Option<u16> {
        match self {
            Expression::Number(_) => None,
            Expression::Global(global) => Some(*global),
            Expression::Minus(of) | Expression::Not(of) => of.greatest_global(),
            Expression::Binary(a, _, b) => a.greatest_global().max(b.greatest_global()),
            Expression::Chain(first, rest) => {
                let rest = rest.iter().map(|(_, right)| right.greatest_global());
                rest.fold(first.greatest_global(), Option::max)
            }
        }
    }

    /// As it is written, with the globals' names.
    pub(crate) fn shown<'e>(&'e self, names: &'e [&'e str]) -> impl fmt::Display + 'e {
        Shown { expression: self, names, within: 0 }
    }
}

/// An expression within one that binds so strongly.
struct Shown<'e> {
    expression: &'e Expression,
    names: &'e [&'e str],
    within: u8,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |expression, within| Shown { expression, within, names: self.names };
        let strength = match self.expression {
            Expression::Number(_) | Expression::Global(_) => u8::MAX,
            Expression::Minus(_) => MINUS,
            Expression::Not(_) => NOT,
            Expression::Binary(_, operator, _) => operator.strength(),
            Expression::Chain(..) => COMPARE,
        };
        let (open, close) = if strength < self.within { ("(", ")") } else { ("", "") };
        f.write_str(open)?;
        match self.expression {
            Expression::Number(number) => write!(f, "{number}")?,
            Expression::Global(global) => {
                f.write_str(self.names.get(usize::from(*global)).copied().unwrap_or("?"))?;
            }
            Expression::Minus(of) => write!(f, "-{}", part(of, MINUS))?,
            Expression::Not(of) => write!(f, "not {}", part(of, NOT))?,
            Expression::Binary(a, operator, b) => {
                let (a, b) = (part(a, strength), part(b, strength + 1));
                write!(f, "{a} {} {b}", operator.text())?;
            }
            Expression::Chain(first, rest) => {
                write!(f, "{}", part(first, COMPARE + 1))?;
                for (comparison, right) in rest {
                    write!(f, " {} {}", comparison.text(), part(right, COMPARE + 1))?;
                }
            }
        }
        f.write_str(close)
    }
}
