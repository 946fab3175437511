//! Leases: what the kernel knows about who has a file open (`F_SETLEASE` of fcntl(2)).
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::AsRawFd;

/// Sets the signal that tells of a lease's end. Missing in the crate libc; the value is that of
/// Linux.
const F_SETSIG: libc::c_int = 10;

/// As long as it lives, nobody opens the file to write to it: whoever tries to waits, and the lease
/// is broken.
pub(crate) struct Lease<'f>(&'f File);

impl<'f> Lease<'f> {
    /// A lease on a file that is open for reading only.
    ///
    /// `None` if somebody has the file open for writing, also if that is this process; and where
    /// there are no leases: on somebody else's file, and on some network file systems.
    pub fn take(file: &'f File) -> Option<Self> {
        // By default the signal would be SIGIO, which ends the process. This one is ignored unless
        // a program wants it.
        let signal = fcntl(file, F_SETSIG, libc::SIGURG);
        let taken = signal.is_some() && fcntl(file, libc::F_SETLEASE, libc::F_RDLCK).is_some();
        taken.then_some(Lease(file))
    }

    /// Returns `true` if somebody has tried to open the file for writing.
    pub fn is_broken(&self) -> bool {
        fcntl(self.0, libc::F_GETLEASE, 0) != Some(libc::F_RDLCK)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        fcntl(self.0, libc::F_SETLEASE, libc::F_UNLCK);
    }
}

/// One of the commands above, all of which take a number.
fn fcntl(file: &File, command: libc::c_int, number: libc::c_int) -> Option<libc::c_int> {
    // SAFETY: the descriptor is open as long as `file` is borrowed. None of the commands takes or
    // gives a pointer, closes anything or changes memory.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, number) };
    (result >= 0).then_some(result)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn writers_have_no_lease_and_break_it() {
        let new = tempfile::NamedTempFile::new().unwrap();
        let file = File::open(new.path()).unwrap();
        assert!(Lease::take(&file).is_none(), "it is open for writing");
        let path = new.into_temp_path();
        let lease = Lease::take(&file).unwrap();
        let _reader = File::open(&path).unwrap();
        assert!(!lease.is_broken());
        thread::scope(|scope| {
            let writer = scope.spawn(|| File::options().write(true).open(&path).is_ok());
            while !lease.is_broken() {
                thread::yield_now();
            }
            assert!(!writer.is_finished());
            drop(lease);
            assert!(writer.join().unwrap());
        });
        assert!(Lease::take(&file).is_some());
    }
}
