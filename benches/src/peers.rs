//! The C libraries that lookups are compared with, and memory maps: all the unsafe code of the
//! benchmarks.

use std::error::Error;
use std::ffi::{CStr, CString, c_char, c_void};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};

use kv_file_core::Memory;

use crate::answers::{Answers, Keys};

/// `struct keys` of the shim.
#[repr(C)]
struct CKeys {
    bytes: *const u8,
    ends: *const usize,
    start: usize,
    end: usize,
}

/// What the library says of a failure, or null.
type Failure = *const c_char;

/// `struct engine` of the shim.
#[repr(C)]
struct Engine {
    version: unsafe extern "C" fn() -> *const c_char,
    open: unsafe extern "C" fn(*mut *mut c_void, *const c_char, cache: u32) -> Failure,
    get_range:
        unsafe extern "C" fn(*mut c_void, *const CKeys, touch: usize, *mut Answers) -> Failure,
    close: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: constants of the shim, which Rust only reads; the types are those of its C declarations.
unsafe extern "C" {
    safe static libdb_engine: Engine;
    safe static tinycdb_engine: Engine;
    safe static lmdb_engine: Engine;
}

/// A table that a C library has open.
#[derive(Debug)]
pub struct Peer {
    engine: &'static Engine,
    /// From `engine.open`, not yet given to `engine.close`; the pointer keeps it on one thread.
    handle: NonNull<c_void>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.version())
    }
}

impl Engine {
    fn version(&self) -> &'static str {
        // SAFETY: takes nothing; gives a string constant of the library.
        unsafe { CStr::from_ptr((self.version)()) }.to_str().unwrap_or("?")
    }
}

impl Peer {
    /// Opens a file with libdb and a cache of `cache` bytes.
    ///
    /// # Errors
    /// What libdb has against it.
    pub fn libdb(path: &Path, cache: u32) -> Result<Self, Box<dyn Error>> {
        Self::open(&libdb_engine, path, cache)
    }

    /// Opens a cdb file, as a memory map.
    ///
    /// # Errors
    /// What tinycdb has against it.
    pub fn tinycdb(path: &Path) -> Result<Self, Box<dyn Error>> {
        Self::open(&tinycdb_engine, path, 0)
    }

    /// Opens an LMDB file, and a transaction that reads it.
    ///
    /// # Errors
    /// What LMDB has against it.
    pub fn lmdb(path: &Path) -> Result<Self, Box<dyn Error>> {
        Self::open(&lmdb_engine, path, 0)
    }

    fn open(engine: &'static Engine, path: &Path, cache: u32) -> Result<Self, Box<dyn Error>> {
        let c_path = CString::new(path.as_os_str().as_bytes())?;
        let mut handle = ptr::null_mut();
        // SAFETY: `handle` is a place for the result; the path ends in NUL and outlives the call,
        // which does not keep it.
        check(unsafe { (engine.open)(&mut handle, c_path.as_ptr(), cache) })
            .map_err(|message| format!("{}: {message}", path.display()))?;
        Ok(Peer { engine, handle: NonNull::new(handle).ok_or("no handle")? })
    }

    /// Looks the keys of these indices up: see [`Answers::add`] for `touch`.
    ///
    /// # Errors
    /// What the library says of the file.
    ///
    /// # Panics
    /// If there are not so many keys.
    pub fn get_range(
        &mut self,
        keys: &Keys,
        Range { start, end }: Range<usize>,
        touch: usize,
    ) -> Result<Answers, Box<dyn Error>> {
        assert!(start <= end && end <= keys.count());
        let keys = CKeys { bytes: keys.bytes.as_ptr(), ends: keys.ends.as_ptr(), start, end };
        let mut answers = Answers::default();
        // SAFETY: the handle is open, and `self` rules out another call on it. There are at least
        // `end` ends, each behind a NUL within `bytes`, and none before the one before it: nothing
        // but `Keys::from_iter` makes them. The call writes to `answers`, and keeps no pointer that
        // it uses after its return.
        check(unsafe {
            (self.engine.get_range)(self.handle.as_ptr(), &keys, touch, &mut answers)
        })?;
        Ok(answers)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and nothing uses it after this.
        unsafe { (self.engine.close)(self.handle.as_ptr()) };
    }
}

fn check(failure: Failure) -> Result<(), String> {
    if failure.is_null() {
        return Ok(());
    }
    // SAFETY: the message is a C string: a constant, or a buffer that the next failure overwrites.
    Err(unsafe { CStr::from_ptr(failure) }.to_string_lossy().into_owned())
}

/// The names and versions of the libraries.
pub fn versions() -> [&'static str; 3] {
    [&libdb_engine, &tinycdb_engine, &lmdb_engine].map(|engine| engine.version())
}

/// Maps a file into memory.
///
/// # Errors
/// What the system says of it.
///
/// # Safety
/// That of [`Memory::map`].
pub unsafe fn map(path: &Path) -> io::Result<Memory> {
    // SAFETY: the caller's promise.
    unsafe { Memory::map(&File::open(path)?) }
}
