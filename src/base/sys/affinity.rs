//! Which cores a thread may run on.
//!
//! *Assumes*: Linux; at most 1024 cores.
//! *Promises*: threads started afterwards inherit what is set here.
//! *Leaves out*: which cores are near each other.
#![allow(unsafe_code)]

use crate::base::sys::errno::checked;
use std::io;

/// The cores this thread may run on, in ascending order.
///
/// # Errors
/// What `sched_getaffinity(2)` reports: `EINVAL` on a machine with more than 1024 cores.
#[doc(alias = "os.sched_getaffinity")]
pub fn cores() -> io::Result<Vec<usize>> {
    // SAFETY: `cpu_set_t` is plain integers, for which all zeroes is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is a local of the size that is given; 0 is this thread.
    checked(unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) })?;
    // SAFETY: every number below CPU_SETSIZE has a bit in the set.
    let may_run = |core: &usize| unsafe { libc::CPU_ISSET(*core, &set) };
    Ok((0..libc::CPU_SETSIZE as usize).filter(may_run).collect())
}

/// Lets this thread run on these cores only.
///
/// # Errors
/// What `sched_setaffinity(2)` reports: `EINVAL` if it may run on none of them.
///
/// ```
/// use singletrack::base::sys::affinity::{cores, pin_to};
///
/// let all = cores()?;
/// pin_to(&all[..1])?;
/// assert_eq!(cores()?, all[..1]);
/// pin_to(&all)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "os.sched_setaffinity")]
pub fn pin_to(cores: &[usize]) -> io::Result<()> {
    // SAFETY: `cpu_set_t` is plain integers, for which all zeroes is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for &core in cores.iter().filter(|&&core| core < libc::CPU_SETSIZE as usize) {
        // SAFETY: the number has a bit in the set.
        unsafe { libc::CPU_SET(core, &mut set) };
    }
    // SAFETY: the set is a local of the size that is given; 0 is this thread.
    checked(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) }).map(drop)
}
