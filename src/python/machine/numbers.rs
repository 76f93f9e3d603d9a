//! What is the same of ints and floats: their order, and their hash.
//!
//! *Promises*: exact: an int of more than 53 bits is not rounded to be compared; the hashes are
//! CPython's, so that equal numbers have the same.
//! *Leaves out*: arithmetic (`python/machine/operators.rs`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::R;
use crate::python::value::any::Value;
use std::cmp::Ordering;

/// 2 to the power of 63.
const INTS_END: f64 = 9_223_372_036_854_775_808.0;
/// The modulus of hashes of numbers.
const MODULUS: u64 = (1 << 61) - 1;

/// The order of two numbers: none within if one is no number of its kind (NaN), none at all if one
/// is something else.
#[allow(clippy::option_option, reason = "not comparable is not the same as neither less nor more")]
pub(crate) fn order_of_numbers(left: Value, right: Value) -> Option<Option<Ordering>> {
    match (left, right) {
        (Value::Float(a), Value::Float(b)) => Some(a.partial_cmp(&b)),
        (Value::Float(a), _) => right.as_int().map(|b| order_of_mixed(b, a).map(Ordering::reverse)),
        (_, Value::Float(b)) => left.as_int().map(|a| order_of_mixed(a, b)),
        _ => Some(Some(left.as_int()?.cmp(&right.as_int()?))),
    }
}

fn order_of_mixed(int: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float >= INTS_END {
        return Some(Ordering::Less);
    }
    if float < -INTS_END {
        return Some(Ordering::Greater);
    }
    #[allow(clippy::cast_possible_truncation, reason = "it is in range")]
    let whole = float.trunc() as i64;
    Some(int.cmp(&whole).then(0.0_f64.total_cmp(&(float.fract() + 0.0))))
}

/// A float as the int that it is equal to, if there is one.
pub(crate) fn whole(float: f64) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "it is in range")]
    (float.fract() == 0.0 && (-INTS_END..INTS_END).contains(&float)).then_some(float as i64)
}

/// The hash of an int.
pub(crate) fn hash_of_int(int: i64) -> i64 {
    signed(int.unsigned_abs() % MODULUS, int < 0)
}

/// The hash of a float: its value as a fraction, modulo a prime.
pub(crate) fn hash_of_float(float: f64) -> i64 {
    if let Some(int) = whole(float) {
        return hash_of_int(int);
    }
    if float.is_infinite() {
        return if float > 0.0 { 314_159 } else { -314_159 };
    }
    let bits = float.abs().to_bits();
    let (exponent, fraction) = (bits >> 52, bits & ((1 << 52) - 1));
    let digits = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    // 2 to the power of 61 is 1 here, so that a power of 2 is a rotation.
    let by = (exponent.max(1) + 61 * 20 - 1075) % 61;
    signed(((digits << by) & MODULUS) | (digits >> (61 - by)), float < 0.0)
}

/// With its sign; -1 means an error in C, so that it is -2.
fn signed(size: u64, negative: bool) -> i64 {
    let size = size.cast_signed();
    match if negative { -size } else { size } {
        -1 => -2,
        hash => hash,
    }
}

/// The quotient of two ints, rounded once: neither is made a float before.
#[allow(clippy::cast_precision_loss, reason = "it is rounded here")]
pub(crate) fn quotient(a: i64, b: i64) -> f64 {
    let (over, under) = (u128::from(a.unsigned_abs()), u128::from(b.unsigned_abs()));
    // Enough digits that the last one may stand for all that are cut off.
    let shift = 64 + over.leading_zeros() - under.leading_zeros();
    let (whole, rest) = ((over << shift) / under, (over << shift) % under);
    let size = (whole | u128::from(rest != 0)) as f64 / 2.0_f64.powi(shift.cast_signed());
    if (a < 0) != (b < 0) { -size } else { size }
}

impl Machine {
    /// A whole float as an int, if it is one and fits.
    pub(crate) fn as_whole(&mut self, float: f64) -> R<i64> {
        if float.is_nan() {
            return self.value_error("cannot convert float NaN to integer");
        }
        if float.is_infinite() {
            return Err(self.error("OverflowError", "cannot convert float infinity to integer"));
        }
        self.fitting(whole(float))
    }

    /// The result of arithmetic, if it fits.
    pub(crate) fn fitting(&mut self, int: Option<i64>) -> R<i64> {
        let text = "an int has 64 bits here, and this one needs more";
        int.ok_or_else(|| self.error("OverflowError", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_quotients_are_those_of_cpython() {
        let floats = [(1.5, 1_152_921_504_606_846_977), (0.1, 230_584_300_921_369_408)];
        for (float, hash) in floats.into_iter().chain([(1e300, 1_224_995_262_755_759_164)]) {
            assert_eq!(hash_of_float(float), hash, "{float}");
        }
        assert_eq!(quotient(9_007_199_254_740_993, 3), 3_002_399_751_580_331.0);
        assert_eq!(
            (quotient(0, -3), quotient(i64::MIN, -1), quotient(-1, 4)),
            (0.0, INTS_END, -0.25)
        );
        assert_eq!((hash_of_int(-1), hash_of_int(1 << 61), hash_of_float(-1.0)), (-2, 1, -2));
    }
}
