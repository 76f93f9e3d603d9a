//! Where a thread could let another one run: nine kinds of switch point, and sets of them.
//!
//! *Promises*: what each CPython looks at between a load and a store, as it was measured on 3.6 to
//! 3.13 (`lab/fidelity/idioms.rs`), and as the sources say of 3.14 and 3.15.
//! *Leaves out*: what it does there (`gil/rules/policy.rs`); which instruction has which kind
//! (`vm/op.rs`); code that is not yet specialised, where fast calls still look.
//!
//! ```text
//!                                                    to 3.9  3.10  3.11  3.12  3.14  3.15
//!                                                                        3.13
//!   Straight      x += 1, o.n, a jump not taken         ✗
//!   ForwardTaken  a conditional jump forward, taken     ✗     ✗
//!   PyReturn      x = g() + 1: a return to Python       ✗     ✗
//!   FastCReturn   len(t), type(o), l.append(1) alone    ✗     ✗
//!   CReturn       any other call into C: int(1)         ✗     ✗     ✗     ✗     ✗     ✗
//!   Enter         Python code is entered: f(), __eq__   ✗     ✗     ✗     ✗     ✗     ✗
//!   BackEdge      a loop: for, while                    ✗     ✗     ✗     ✗     ✗     ✗
//!   EnterComprehension  [… for … in …] begins           ✗     ✗     ✗
//!   WithEnter     with, between __enter__ and block     ✗                       ✗
//! ```
//! ✗ is where it looks. None of this was ever promised: what is not marked is not safe, only out of
//! reach. Since 3.10 the eval loop looks at calls and at jumps that could lead back (bpo-29988,
//! bpo-44645: any conditional jump that is taken could); since 3.11 at jumps that do lead back, where
//! a function begins, and after calls into C unless they are specialised ("fast operation, no need to
//! check"). Since 3.12 a comprehension is no function (PEP 709).
//!
//! `with` is a story of its own. `__exit__` is a call like any other. `__enter__` was called by an
//! instruction that never looks from 3.10 on, so that no interrupt can come between it and the block
//! (bpo-29988: `SETUP_WITH`, `BEFORE_WITH`); a store inside of the block was never seen lost there.
//! 3.14 compiles it as `LOAD_SPECIAL` and an ordinary `CALL` (gh-120507), which looks; that was found
//! to be a mistake (gh-148874), and 3.15 does not look after a `CALL` that follows `LOAD_SPECIAL` (PR
//! 150911, for 3.15 PR 154830: `check_periodics_at_end` in `ceval_macros.h`). Of a change to 3.14 nothing
//! was found. A `__enter__` in Python looks where it is entered, in every version.

use std::fmt;

/// A kind of place in a program where the lock could change hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SwitchPoint {
    /// Between two instructions of straight-line code.
    Straight,
    /// A loop's jump back.
    BackEdge,
    /// A conditional jump forward that was taken.
    ForwardTaken,
    /// Python code is entered: a function, a property, a method such as `__eq__`.
    #[doc(alias = "RESUME")]
    Enter,
    /// A comprehension of a list, a set or a dict is entered: a function up to 3.11.
    #[doc(alias = "PEP 709")]
    EnterComprehension,
    /// A call into C has returned.
    CReturn,
    /// A call into C has returned that CPython has specialised: `len`, `isinstance`, `type`,
    /// `list.append` as a statement.
    FastCReturn,
    /// A call of Python code has returned.
    PyReturn,
    /// `with` has called an `__enter__` that is C, and its block begins.
    #[doc(alias = "BEFORE_WITH")]
    #[doc(alias = "LOAD_SPECIAL")]
    WithEnter,
}

impl SwitchPoint {
    /// All of them.
    pub const ALL: [SwitchPoint; 9] = [
        SwitchPoint::Straight,
        SwitchPoint::BackEdge,
        SwitchPoint::ForwardTaken,
        SwitchPoint::Enter,
        SwitchPoint::EnterComprehension,
        SwitchPoint::CReturn,
        SwitchPoint::FastCReturn,
        SwitchPoint::PyReturn,
        SwitchPoint::WithEnter,
    ];

    /// In a few words.
    pub fn name(self) -> &'static str {
        match self {
            SwitchPoint::Straight => "straight line",
            SwitchPoint::BackEdge => "back edge",
            SwitchPoint::ForwardTaken => "jump forward",
            SwitchPoint::Enter => "enter",
            SwitchPoint::EnterComprehension => "comprehension",
            SwitchPoint::CReturn => "C call",
            SwitchPoint::FastCReturn => "fast C call",
            SwitchPoint::PyReturn => "return",
            SwitchPoint::WithEnter => "with",
        }
    }
}

/// A set of switch points: those at which a policy looks, which are its checkpoints.
///
/// ```
/// use singletrack::gil::{SwitchPoint, SwitchPoints};
///
/// assert!(SwitchPoints::PYTHON_3_10.contains(SwitchPoint::PyReturn));
/// assert!(!SwitchPoints::PYTHON_3_11.contains(SwitchPoint::PyReturn));
/// assert_eq!(SwitchPoints::of(&SwitchPoint::ALL), SwitchPoints::EVERY);
/// assert_eq!(SwitchPoints::PYTHON_3_13.to_string(), "back edge, enter, C call");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SwitchPoints(u16);

impl SwitchPoints {
    /// All: `x += 1` can be cut in half. CPython up to 3.9.
    pub const EVERY: SwitchPoints = SwitchPoints::of(&SwitchPoint::ALL);

    /// Calls and jumps, but neither straight lines nor the beginning of a `with`. CPython 3.10.
    pub const PYTHON_3_10: SwitchPoints = SwitchPoints::of(&[
        SwitchPoint::ForwardTaken,
        SwitchPoint::Enter,
        SwitchPoint::EnterComprehension,
        SwitchPoint::CReturn,
        SwitchPoint::FastCReturn,
        SwitchPoint::PyReturn,
    ]);

    /// What leads back, what begins, and what comes back from C at its leisure. CPython 3.11; 3.12
    /// enters no comprehension.
    pub const PYTHON_3_11: SwitchPoints = SwitchPoints::of(&[
        SwitchPoint::Enter,
        SwitchPoint::EnterComprehension,
        SwitchPoint::CReturn,
    ]);

    /// The same without comprehensions, which are no functions any more. CPython 3.12, 3.13
    /// and 3.15.
    pub const PYTHON_3_13: SwitchPoints =
        SwitchPoints::of(&[SwitchPoint::Enter, SwitchPoint::CReturn]);

    /// The same with `with`. CPython 3.14.
    pub const PYTHON_3_14: SwitchPoints =
        SwitchPoints::of(&[SwitchPoint::Enter, SwitchPoint::CReturn, SwitchPoint::WithEnter]);

    /// The set of these, and of the back edge: a lock that did not look there would be kept by a loop
    /// for ever.
    pub const fn of(points: &[SwitchPoint]) -> SwitchPoints {
        let (mut bits, mut at) = (1 << SwitchPoint::BackEdge as u16, 0);
        while at < points.len() {
            bits |= 1 << points[at] as u16;
            at += 1;
        }
        SwitchPoints(bits)
    }

    /// Whether this one is in it.
    #[inline]
    pub const fn contains(self, point: SwitchPoint) -> bool {
        self.0 & 1 << point as u16 != 0
    }
}

impl fmt::Display for SwitchPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::EVERY {
            return f.write_str("every op");
        }
        let names = SwitchPoint::ALL.iter().filter(|point| self.contains(**point));
        f.write_str(&names.map(|point| point.name()).collect::<Vec<_>>().join(", "))
    }
}
