//! What holds for any bytes that are decoded as a value from another process.
//!
//! *Promises*: the fuzz target `wire_values` and the replay of its seeds check the same.

use crate::memory::within;
use singletrack::futures::{JobError, Wire, decode, encode};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

/// So many times the bytes may be held of a value: an empty `Vec` is one byte on the wire.
const TIMES: usize = 100;

/// For each of some types: the bytes are refused with its name, or are a value that is the same when it
/// has gone over the wire once more; and its own bytes, cut off anywhere, are refused.
pub fn check_any_value(bytes: &[u8]) {
    check::<u64>(bytes);
    check::<(bool, char, String)>(bytes);
    check::<Option<Result<i128, String>>>(bytes);
    check::<Vec<Vec<u8>>>(bytes);
    check::<Vec<(u16, Option<String>)>>(bytes);
    check::<BTreeMap<String, Vec<i32>>>(bytes);
    check::<HashSet<u8>>(bytes);
    check::<[Option<u32>; 3]>(bytes);
    check::<(Duration, SocketAddr)>(bytes);
}

fn check<T: Wire + PartialEq + Debug>(bytes: &[u8]) {
    match within(TIMES, bytes, decode::<T>) {
        Ok(value) => {
            let again = encode(&value).unwrap();
            assert_eq!(decode::<T>(&again), Ok(value));
            let cut = again.split_last().map_or(&[][..], |(_, cut)| cut);
            assert!(decode::<T>(cut).is_err(), "{bytes:?} and a byte less");
        }
        Err(JobError::Codec(why)) => assert!(!why.is_empty()),
        Err(other) => panic!("{other:?}"),
    }
}
