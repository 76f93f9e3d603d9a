//! What may cross a pipe between processes: serde values, encoded by postcard.
//!
//! *Assumes*: both ends are the same program image (a forked child is); a type's `Serialize` writes
//! just what its `Deserialize` reads, whatever the value (see [`Wire`] for what does not).
//! *Promises*: `decode(encode(x)) == x`; a failure that is noticed is a [`JobError::Codec`] that says
//! why.
//! *Leaves out*: framing (`process/message/frame.rs`).

use crate::futures::error::JobError;
use postcard::ser_flavors::Flavor;
use serde::{Serialize, de::DeserializeOwned};

/// A value that can be shipped to another process and back: the counterpart of "picklable".
///
/// Implemented for every type that owns what it holds and that serde can write and read; nothing
/// needs to be written by hand. Not all of these types arrive. The bytes are values alone, without the
/// names of their fields: the receiver knows from the type what comes next. (A pickle names each
/// attribute.) So these attributes of serde do not work here:
///
/// | attribute | what happens |
/// | --- | --- |
/// | `skip_serializing_if`, or `skip_serializing` without `skip_deserializing` | **another value may arrive, without an error**: the next bytes are read in place of the field that was left out |
/// | `untagged`; `tag`, with or without `content` | each value is a [`JobError::Codec`] where it arrives |
/// | `flatten` | each value is a [`JobError::Codec`] where it is sent |
///
/// The same holds for a `Serialize` and a `Deserialize` written by hand that do not fit each other, and
/// for types that ask the format what comes next (`serde_json::Value`). `skip`, `default`, `rename`
/// and `with` do no harm.
///
/// ```
/// use singletrack::futures::{decode, encode};
///
/// let bytes = encode(&(7u8, "seven".to_owned())).unwrap();
/// assert_eq!(decode::<(u8, String)>(&bytes).unwrap(), (7, "seven".to_owned()));
/// assert!(decode::<(u8, String)>(&bytes[..1]).is_err());
/// ```
#[doc(alias = "pickle")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shipped to another process",
    label = "is not `Wire`",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it; it must own what it holds \
            (a `String`, not a `&str`) and be `Send`"
)]
pub trait Wire: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Wire for T {}

/// The bytes of a value.
///
/// # Errors
/// [`JobError::Codec`] if its `Serialize` refuses.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, JobError> {
    postcard::to_allocvec(value).map_err(|e| codec::<T>("encoded", &e))
}

/// As [`encode`], but appends to `buffer` and returns it.
///
/// # Errors
/// [`JobError::Codec`] if its `Serialize` refuses; the buffer is then lost.
pub fn encode_onto<T: Serialize + ?Sized>(value: &T, buffer: Vec<u8>) -> Result<Vec<u8>, JobError> {
    postcard::serialize_with_flavor(value, Onto(buffer)).map_err(|e| codec::<T>("encoded", &e))
}

/// As [`encode_onto`], but `None` if the buffer would grow beyond `most` bytes: the encoding ends
/// where that shows.
///
/// # Errors
/// As `encode_onto`.
pub(crate) fn encode_within<T: Serialize + ?Sized>(
    value: &T,
    buffer: Vec<u8>,
    most: usize,
) -> Result<Option<Vec<u8>>, JobError> {
    match postcard::serialize_with_flavor(value, Within { onto: Onto(buffer), most, full: false }) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(postcard::Error::SerializeBufferFull) => Ok(None),
        Err(e) => Err(codec::<T>("encoded", &e)),
    }
}

/// Appends no more than fits.
struct Within {
    onto: Onto,
    most: usize,
    /// Something did not fit. A `Serialize` that hides this error changes nothing.
    full: bool,
}

impl Flavor for Within {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if bytes.len() > self.most.saturating_sub(self.onto.0.len()) {
            self.full = true;
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.onto.try_extend(bytes)
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        if self.full { Err(postcard::Error::SerializeBufferFull) } else { self.onto.finalize() }
    }
}

/// Has postcard append to a vector that exists. (Its own `to_extend` goes byte by byte in a debug
/// build.)
struct Onto(Vec<u8>);

impl Flavor for Onto {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        // A number is a few bytes. A copy of a length that the compiler knows is one move; a copy of
        // an unknown length is a call of `memcpy`, four times as long.
        match *bytes {
            [a] => self.0.push(a),
            [a, b] => self.0.extend_from_slice(&[a, b]),
            [a, b, c] => self.0.extend_from_slice(&[a, b, c]),
            [a, b, c, d] => self.0.extend_from_slice(&[a, b, c, d]),
            [a, b, c, d, e] => self.0.extend_from_slice(&[a, b, c, d, e]),
            _ => self.0.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// The value of some bytes.
///
/// # Errors
/// [`JobError::Codec`] if the bytes are not one `T` exactly.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JobError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => {
            let extra = format!("{} bytes are left over", rest.len());
            Err(codec::<T>("decoded", &extra))
        }
        Err(e) => Err(codec::<T>("decoded", &e)),
    }
}

fn codec<T: ?Sized>(verb: &str, why: &dyn std::fmt::Display) -> JobError {
    JobError::Codec(format!("{} could not be {verb}: {why}", std::any::type_name::<T>()))
}
