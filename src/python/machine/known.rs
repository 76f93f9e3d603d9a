//! Names that the machine looks for often, as numbers.
//!
//! *Promises*: each is interned once, before the program's own.
//! *Leaves out*: names that only a refusal or a rare call needs.

use crate::python::value::strings::{StrId, Strings};

/// The numbers of names that the machine looks for often.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) init: StrId,
    pub(crate) name: StrId,
    pub(crate) new: StrId,
    pub(crate) eq: StrId,
    pub(crate) exit: StrId,
    pub(crate) args: StrId,
    pub(crate) line: StrId,
}

impl Known {
    pub(crate) fn new(strings: &mut Strings) -> Known {
        Known {
            init: strings.intern("__init__"),
            name: strings.intern("__name__"),
            new: strings.intern("__new__"),
            eq: strings.intern("__eq__"),
            exit: strings.intern("__exit__"),
            args: strings.intern("args"),
            line: strings.intern("<line>"),
        }
    }
}
