//! Numbers written in other ways: an int as bytes, a float as a ratio, bytes as hexadecimal digits.
//!
//! *Promises*: what Python gives, with its errors.
//! *Leaves out*: ints of more than 64 bits.

use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::terms::{Arguments, Done, R, value};
use crate::python::value::any::Value;
use crate::python::value::object::Object;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::c("int.to_bytes", None, to_bytes),
    Row::c("int.from_bytes", Some(1), from_bytes),
    Row::c("int.as_integer_ratio", None, ratio),
    Row::c("float.as_integer_ratio", None, ratio),
    Row::c("bytes.fromhex", None, from_hex),
];

/// Whether the first byte is the least one.
fn is_little(m: &mut Machine, order: Value) -> R<bool> {
    let order = if order == Value::Unset { "big".into() } else { m.text_argument(order)? };
    match &*order {
        "big" => Ok(false),
        "little" => Ok(true),
        _ => m.value_error("byteorder must be either 'little' or 'big'"),
    }
}

fn to_bytes(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [int, length, order, signed] =
        m.sorted(a, "to_bytes", 1, ["self", "length", "byteorder", "signed"])?;
    let length = if length == Value::Unset { 1 } else { m.int_argument(length)? };
    let Ok(length) = usize::try_from(length) else {
        return m.value_error("length argument must be non-negative");
    };
    let (int, little) = (m.int_argument(int)?, is_little(m, order)?);
    let signed = signed != Value::Unset && m.plain_truth(signed)?;
    if int < 0 && !signed {
        return Err(m.error("OverflowError", "can't convert negative int to unsigned"));
    }
    // One bit of what is signed says so.
    let bits = (8 * length.min(9)) as u32 - u32::from(signed && length > 0);
    let needed = 64 - (if int < 0 { !int } else { int }).leading_zeros();
    if needed > bits {
        return Err(m.error("OverflowError", "int too big to convert"));
    }
    m.charge(length / 16)?;
    let mut bytes = vec![if int < 0 { 0xff } else { 0 }; length];
    for (at, byte) in int.to_le_bytes().into_iter().enumerate().take(length) {
        bytes[at] = byte;
    }
    if !little {
        bytes.reverse();
    }
    value(m.bytes_value(&bytes)?)
}

fn from_bytes(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [_, given, order, signed] =
        m.sorted(a, "from_bytes", 2, ["type", "bytes", "byteorder", "signed"])?;
    let signed = signed != Value::Unset && m.plain_truth(signed)?;
    let mut bytes = m.bytes_argument(given)?;
    if is_little(m, order)? {
        bytes.reverse();
    }
    let negative = signed && bytes.first().is_some_and(|byte| *byte >= 0x80);
    let mut int = i128::from(if negative { -1 } else { 0 });
    for byte in bytes {
        int = int << 8 | i128::from(byte);
        m.fitting(i64::try_from(int).ok())?;
    }
    value(Value::Int(m.fitting(i64::try_from(int).ok())?))
}

/// Each float is an int times a power of two.
fn ratio(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "as_integer_ratio", 1, ["self"])?;
    let (top, bottom) = match x {
        Value::Float(x) if x.is_nan() => {
            return m.value_error("cannot convert NaN to integer ratio");
        }
        Value::Float(x) if x.is_infinite() => {
            return Err(m.error("OverflowError", "cannot convert Infinity to integer ratio"));
        }
        Value::Float(x) => {
            let (mut top, mut halved) = (x, 0_u32);
            while top.fract() != 0.0 {
                (top, halved) = (top * 2.0, halved + 1);
            }
            let bottom = 1_i64.checked_shl(halved).filter(|bottom| *bottom > 0);
            (m.as_whole(top)?, m.fitting(bottom)?)
        }
        int => (m.int_argument(int)?, 1),
    };
    value(m.add(Object::Tuple(vec![Value::Int(top), Value::Int(bottom)])))
}

fn from_hex(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [_, text] = m.sorted(a, "fromhex", 2, ["type", "string"])?;
    let text = m.text_argument(text)?;
    let (mut bytes, mut high) = (Vec::new(), None);
    for (at, c) in text.chars().enumerate() {
        match (c.to_digit(16), high) {
            (Some(digit), None) => high = Some(digit),
            (Some(digit), Some(first)) => {
                bytes.push((16 * first + digit) as u8);
                high = None;
            }
            (None, None) if c.is_ascii_whitespace() => {}
            (None, _) => return not_hex(m, at),
        }
    }
    if high.is_some() {
        return not_hex(m, text.chars().count());
    }
    value(m.bytes_value(&bytes)?)
}

fn not_hex(m: &mut Machine, at: usize) -> R<Done> {
    m.value_error(format!("non-hexadecimal number found in fromhex() arg at position {at}"))
}
