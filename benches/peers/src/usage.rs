//! What a thread has used, where it may run, and how much memory is in use.

/// Has this thread, and those that it starts, run on one core.
pub fn pin(core: usize) {
    set_cores(&[core]);
}

/// Has this thread, and those that it starts, run anywhere.
pub fn unpin() {
    set_cores(&(0..libc::CPU_SETSIZE as usize).collect::<Vec<_>>());
}

fn set_cores(cores: &[usize]) {
    // SAFETY: the set is a local of the size that is given; cores that are not there are ignored.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        cores.iter().for_each(|core| libc::CPU_SET(*core, &mut set));
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

/// Seconds on a core, of this thread.
pub fn thread_cpu() -> f64 {
    // SAFETY: `clock_gettime` fills the local that it is given.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    }
}

pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Bytes of memory that this process has in use.
pub fn resident() -> i64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages.split(' ').nth(1).and_then(|pages| pages.parse::<i64>().ok());
    // SAFETY: asks for a constant of the system.
    resident.unwrap_or(0) * unsafe { libc::sysconf(libc::_SC_PAGESIZE) }
}

/// As many as this process may have.
pub fn raise_limit_of_descriptors() {
    // SAFETY: both calls read or fill a local.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
    }
}
