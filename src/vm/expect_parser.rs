//! The grammar of `expect`: from lexemes to an expression over the globals.
//!
//! *Promises*: Python's grammar, as far as there are whole numbers, names, `+ - *`, comparisons,
//! `and`, `or`, `not` and parentheses; an error has its place, as everywhere in a program. The stack
//! is bounded, for the length of a condition is.
//! *Leaves out*: what an expression means (`vm/expect.rs`).
//!
//! ```text
//!   binary(1)  or        an operator takes what binds more strongly than itself on its right, so
//!   binary(2)  and       a - b - c is (a - b) - c
//!   binary(3)  not
//!   binary(4)  a < b     once, and then as many comparisons as follow
//!   binary(5)  + -
//! ```

use crate::vm::expect::{COMPARE, Comparison, Expression, MINUS, NOT, Operator};
use crate::vm::lexemes::{AssembleError, SourceLine};
use std::collections::HashMap;

/// The most words and marks that a condition may have.
const LONGEST: usize = 500;

/// What stands where a part of a condition should begin.
const BEGINNING: &str = "a global, a number, `not`, `-` or `(`";

/// Reads a condition to where it ends.
///
/// # Errors
/// [`AssembleError`] if it is none, or a long one.
pub(crate) fn condition(
    line: &mut SourceLine,
    globals: &HashMap<String, u16>,
) -> Result<Expression, AssembleError> {
    if line.left() > LONGEST {
        return Err(line.expected(format!("a condition of at most {LONGEST} words and marks")));
    }
    Parser { line, globals }.binary(0)
}

struct Parser<'p> {
    line: &'p mut SourceLine,
    globals: &'p HashMap<String, u16>,
}

impl Parser<'_> {
    /// An expression whose operators bind at least so strongly.
    fn binary(&mut self, least: u8) -> Result<Expression, AssembleError> {
        let mut left = self.unary(least)?;
        loop {
            let next = self.line.peek(0);
            let operator = Operator::ALL.into_iter().find(|o| Some(o.text()) == next);
            if let Some(operator) = operator.filter(|o| o.strength() >= least) {
                self.line.skip();
                let right = self.binary(operator.strength() + 1)?;
                left = Expression::Binary(Box::new(left), operator, Box::new(right));
            } else if self.comparison().is_some() && least <= COMPARE {
                left = self.chain(left)?;
            } else {
                return Ok(left);
            }
        }
    }

    fn comparison(&self) -> Option<Comparison> {
        Comparison::ALL.into_iter().find(|c| Some(c.text()) == self.line.peek(0))
    }

    /// The comparisons that follow, as many as there are.
    fn chain(&mut self, first: Expression) -> Result<Expression, AssembleError> {
        let mut rest = Vec::new();
        while let Some(comparison) = self.comparison() {
            self.line.skip();
            rest.push((comparison, self.binary(COMPARE + 1)?));
        }
        Ok(Expression::Chain(Box::new(first), rest))
    }

    fn unary(&mut self, least: u8) -> Result<Expression, AssembleError> {
        if least <= NOT && self.line.take_if("not") {
            return Ok(Expression::Not(Box::new(self.binary(NOT)?)));
        }
        if self.line.take_if("(") {
            let inner = self.binary(0)?;
            self.line.mark(")")?;
            return Ok(inner);
        }
        if self.line.take_if("-") {
            let digits =
                self.line.peek(0).filter(|word| word.starts_with(|c: char| c.is_numeric()));
            if let Some(number) = digits.and_then(|digits| format!("-{digits}").parse().ok()) {
                self.line.skip();
                return Ok(Expression::Number(number));
            }
            return Ok(match self.unary(MINUS)? {
                Expression::Number(number) => Expression::Number(number.wrapping_neg()),
                other => Expression::Minus(Box::new(other)),
            });
        }
        self.atom()
    }

    fn atom(&mut self) -> Result<Expression, AssembleError> {
        let word = self.line.peek(0).unwrap_or_default();
        if let Some(global) = self.globals.get(word) {
            self.line.skip();
            return Ok(Expression::Global(*global));
        }
        let is_word = word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        match word {
            "not" | "and" | "or" => Err(self.line.expected(BEGINNING)),
            _ if is_word => Err(self.line.expected("the name of a global that is declared")),
            _ if word.starts_with(|c: char| c.is_numeric()) => {
                Ok(Expression::Number(self.line.number("a whole number of 64 bits")?))
            }
            _ => Err(self.line.expected(BEGINNING)),
        }
    }
}
