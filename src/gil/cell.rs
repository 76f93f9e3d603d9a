//! A value that only the holder of its lock can reach.
//!
//! *Assumes*: a `Gil` exists only while its thread holds its lock, and one lock has one usable
//! `Gil` at a time (`gil/token.rs`, `gil/ensure.rs`).
//! *Promises*: no two threads reach the value at once; a token of another lock is refused.
//! *Leaves out*: waiting. Whoever has the token has waited already.
#![allow(unsafe_code)]

use crate::gil::lock::GlobalLock;
use crate::gil::token::Gil;
use std::cell::UnsafeCell;
use std::fmt;

/// A token was shown to a cell of another lock, or one whose lock was lost by finalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongLock;

impl fmt::Display for WrongLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the token is not for this cell's lock: attach to the lock the cell was made with"
        )
    }
}

impl std::error::Error for WrongLock {}

/// A shared value under a [`GlobalLock`]: what a Python object is under the GIL.
///
/// Opening it costs one compare. It is `Sync` although `T` need not be, since only one thread
/// at a time has the token. As the token is borrowed while the value is, one cell at a time can
/// be open for writing.
///
/// ```
/// use singletrack::gil::cell::{GilCell, WrongLock};
/// use singletrack::gil::lock::GlobalLock;
/// use singletrack::gil::policy::SwitchPolicy;
///
/// let lock = GlobalLock::new(SwitchPolicy::FAIR);
/// let cell = GilCell::new(&lock, vec![1]);
/// lock.attach(|gil| cell.get_mut(gil).push(2)).unwrap();
/// assert_eq!(cell.into_inner(), [1, 2]);
///
/// let other = GlobalLock::new(SwitchPolicy::FAIR);
/// let cell = GilCell::new(&other, 0);
/// assert_eq!(lock.attach(|gil| cell.try_get(gil).copied()), Ok(Err(WrongLock)));
/// ```
pub struct GilCell<T> {
    lock: GlobalLock,
    value: UnsafeCell<T>,
}

// SAFETY: `get` and `get_mut` are the only ways to the value through `&GilCell`, and they ask
// for a borrow of this lock's token. The token is neither `Send` nor `Sync`, and its thread
// holds the lock as long as it can be borrowed, so threads reach the value one after the other;
// the lock's drop and take order their accesses. That moves the value between threads without
// sharing it, which is what `T: Send` allows. The handle of the lock is `Sync` itself.
unsafe impl<T: Send> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    /// A value to be reached only under `lock`.
    pub fn new(lock: &GlobalLock, value: T) -> GilCell<T> {
        GilCell { lock: lock.clone(), value: UnsafeCell::new(value) }
    }

    /// The value, to be read until the lock may change hands.
    ///
    /// # Panics
    /// If the token is of another lock.
    #[inline]
    pub fn get<'a>(&'a self, gil: &'a Gil<'_>) -> &'a T {
        self.try_get(gil).unwrap_or_else(refuse)
    }

    /// The value, to be changed until the lock may change hands.
    ///
    /// # Panics
    /// If the token is of another lock.
    #[inline]
    pub fn get_mut<'a>(&'a self, gil: &'a mut Gil<'_>) -> &'a mut T {
        self.try_get_mut(gil).unwrap_or_else(refuse)
    }

    /// Like [`get`](Self::get).
    ///
    /// # Errors
    /// [`WrongLock`] if the token is of another lock.
    #[inline]
    pub fn try_get<'a>(&'a self, gil: &'a Gil<'_>) -> Result<&'a T, WrongLock> {
        if !gil.is_for(&self.lock) {
            return Err(WrongLock);
        }
        // SAFETY: the token is this lock's and is borrowed for 'a, so this thread holds the
        // lock all the while: `tick`, `checkpoint`, `detach` and the token's drop need it
        // mutably. A `&mut T` from `try_get_mut` would have the token borrowed mutably.
        Ok(unsafe { &*self.value.get() })
    }

    /// Like [`get_mut`](Self::get_mut).
    ///
    /// # Errors
    /// [`WrongLock`] if the token is of another lock.
    #[inline]
    #[allow(clippy::mut_from_ref)] // `gil` is the `&mut` that makes it unique
    pub fn try_get_mut<'a>(&'a self, gil: &'a mut Gil<'_>) -> Result<&'a mut T, WrongLock> {
        if !gil.is_for(&self.lock) {
            return Err(WrongLock);
        }
        // SAFETY: as in `try_get`; and the token is borrowed mutably for 'a, of which one per
        // lock can be used (one that is lent is itself borrowed mutably, by `lend`), so no other
        // reference to the inside of any cell of this lock lives.
        Ok(unsafe { &mut *self.value.get() })
    }

    /// Puts a value in and gives the old one out, whose drop may then run any code.
    ///
    /// # Panics
    /// If the token is of another lock.
    pub fn replace(&self, gil: &mut Gil<'_>, value: T) -> T {
        std::mem::replace(self.get_mut(gil), value)
    }

    /// The value, of a cell that nobody shares any more.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T> fmt::Debug for GilCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GilCell").field("lock", &self.lock).finish_non_exhaustive()
    }
}

#[cold]
#[inline(never)]
fn refuse<T>(error: WrongLock) -> T {
    panic!("{error}")
}
