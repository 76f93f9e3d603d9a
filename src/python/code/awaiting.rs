//! `await`, `async for` and `async with` as instructions.
//!
//! *Promises*: what CPython awaits on the way into a block, round a loop and on each way out is
//! awaited here in the same place.
//! *Leaves out*: what an awaitable is (`python/machine/awaiting.rs`).

use crate::python::code::compiler::{Block, Compiler, Result, number};
use crate::python::code::instruction::Op;
use crate::python::front::position::Position;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{Comprehension, ComprehensionKind, Expression, Statement};

impl<'a> Compiler<'a> {
    /// Whether the code that is being written may await.
    ///
    /// # Errors
    /// A syntax error that says so, if it may not.
    pub(crate) fn check_async(&mut self, at: Position, why: &str) -> Result<()> {
        match self.unit().code.coroutine {
            true => Ok(()),
            false => Err(Refusal::syntax(at, why)),
        }
    }

    /// A comprehension that awaits is a coroutine, and awaited at once.
    pub(crate) fn await_comprehension(&mut self, made: &Comprehension, at: Position) -> Result<()> {
        if !self.scopes[made.scope].coroutine {
            return Ok(());
        }
        if made.kind == ComprehensionKind::Generator {
            let what = "a generator expression that awaits";
            return Err(Refusal::subset(at, what, "write a list: […]"));
        }
        let why = "asynchronous comprehension outside of an asynchronous function";
        self.check_async(at, why)?;
        self.emit(Op::Await);
        Ok(())
    }

    /// `async for`: the iterator stays on the stack.
    pub(crate) fn async_for(
        &mut self,
        target: &'a Expression,
        iterable: &'a Expression,
        body: &'a [Statement],
        orelse: &'a [Statement],
    ) -> Result<()> {
        self.expression(iterable)?;
        self.emit(Op::GetAsyncIter);
        let (start, at) = (self.here(), self.at);
        let awaited = self.async_next();
        self.assign(target)?;
        let block = Block::Loop { start, breaks: Vec::new(), iterator: true };
        let block = self.nested(block, 1, body)?;
        self.at = at;
        self.emit(Op::JumpBack(number(start)));
        let depth = self.unit().depth + 1;
        self.end_async_for(start, awaited, depth);
        self.block(orelse)?;
        self.land_breaks(block);
        Ok(())
    }

    /// Pushes the next item; gives the first instruction behind it.
    pub(crate) fn async_next(&mut self) -> usize {
        self.emit(Op::GetAsyncNext);
        self.emit(Op::AwaitNext);
        self.here()
    }

    /// Where the end of the items comes to, which were awaited between two instructions. The
    /// iterator is the last of `depth` values on the stack.
    pub(crate) fn end_async_for(&mut self, from: usize, to: usize, depth: u32) {
        self.handle(from, to, depth, false);
        self.emit(Op::EndAsyncFor);
    }

    pub(crate) fn enter_with(&mut self, is_async: bool) {
        match is_async {
            true => {
                self.emit(Op::BeforeAsyncWith);
                self.emit(Op::Await)
            }
            false => self.emit(Op::BeforeWith),
        };
    }

    pub(crate) fn exit_with(&mut self, is_async: bool) {
        match is_async {
            true => {
                self.emit(Op::AsyncExit);
                self.emit(Op::Await);
                self.emit(Op::Pop)
            }
            false => self.emit(Op::WithExit),
        };
    }

    /// `__exit__` with the exception that is on the stack; its result is pushed.
    pub(crate) fn except_with(&mut self, is_async: bool) {
        match is_async {
            true => {
                self.emit(Op::AsyncExcept);
                self.emit(Op::Await)
            }
            false => self.emit(Op::WithExcept),
        };
    }
}
