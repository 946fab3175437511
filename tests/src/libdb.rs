//! Hash and btree databases through libdb 5.3 itself.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::slice;

use bdb_file::{AccessMethod, ByteOrder};

/// What libdb says of a failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("libdb: {0}")]
pub struct Error(String);

/// Whether a key can have several data items, and in which order libdb keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// One data item a key.
    None,
    /// In the order in which they came.
    Unsorted,
    /// In byte order, each once.
    Sorted,
}

/// What a new database is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Page size in bytes.
    pub page_size: u32,
    /// Byte order of the file's numbers.
    pub byte_order: ByteOrder,
    /// Whether every page carries a checksum.
    pub checksums: bool,
    /// Several data items a key.
    pub duplicates: Duplicates,
    /// Pairs a page from which on the table grows; 0: only when a page is full.
    pub fill_factor: u32,
    /// Expected number of keys; with a fill factor it settles how many buckets the table starts
    /// with.
    pub elements: u32,
    /// Number of files that the pairs are spread over, in addition to the main one.
    pub partitions: u32,
    /// How pairs are kept.
    pub access_method: AccessMethod,
    /// Number of keys for which each page of a btree has room; 0: 2.
    pub minimum_keys: u32,
    /// Whether a btree counts the records under each page; not with duplicates.
    pub record_numbers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            page_size: 4096,
            byte_order: ByteOrder::NATIVE,
            checksums: false,
            duplicates: Duplicates::None,
            fill_factor: 0,
            elements: 0,
            partitions: 0,
            access_method: AccessMethod::Hash,
            minimum_keys: 0,
            record_numbers: false,
        }
    }
}

/// `struct shim_options` of the shim.
#[repr(C)]
struct ShimOptions {
    page_size: u32,
    byte_order: u32,
    checksums: u32,
    duplicates: u32,
    fill_factor: u32,
    elements: u32,
    partitions: u32,
    btree: u32,
    minimum_keys: u32,
    record_numbers: u32,
}

/// libdb's `DB`.
type Handle = c_void;

unsafe extern "C" {
    fn shim_error(error: c_int) -> *const c_char;
    fn shim_create(
        out: *mut *mut Handle,
        path: *const c_char,
        name: *const c_char,
        options: *const ShimOptions,
    ) -> c_int;
    fn shim_open(
        out: *mut *mut Handle,
        path: *const c_char,
        name: *const c_char,
        cache: u32,
    ) -> c_int;
    fn shim_put(
        db: *mut Handle,
        key: *const u8,
        key_len: u32,
        data: *const u8,
        data_len: u32,
    ) -> c_int;
    fn shim_get(
        db: *mut Handle,
        key: *const u8,
        key_len: u32,
        data: *mut *const u8,
        data_len: *mut u32,
        found: *mut c_int,
    ) -> c_int;
    fn shim_delete(db: *mut Handle, key: *const u8, key_len: u32, found: *mut c_int) -> c_int;
    fn shim_delete_pair(
        db: *mut Handle,
        key: *const u8,
        key_len: u32,
        data: *const u8,
        data_len: u32,
        found: *mut c_int,
    ) -> c_int;
    fn shim_close(db: *mut Handle) -> c_int;
}

/// An open database. Whatever was put into a new one is in the file once [`close`](Self::close)
/// returned.
#[derive(Debug)]
pub struct Database {
    /// From `shim_create` or `shim_open`, not yet given to `shim_close`; the pointer keeps it on
    /// one thread.
    handle: NonNull<Handle>,
}

impl Database {
    /// Adds a database to the file at `path`, which is made if need be: one called `name`, or its
    /// only one.
    ///
    /// # Errors
    /// What libdb has against it: also that there is such a database already.
    pub fn create(path: &Path, name: Option<&str>, options: &Options) -> Result<Self, Error> {
        let (path, name) = (c_path(path), name.map(c_name));
        let options = ShimOptions {
            page_size: options.page_size,
            byte_order: match options.byte_order {
                ByteOrder::Little => 1234,
                ByteOrder::Big => 4321,
            },
            checksums: options.checksums.into(),
            duplicates: match options.duplicates {
                Duplicates::None => 0,
                Duplicates::Unsorted => 1,
                Duplicates::Sorted => 2,
            },
            fill_factor: options.fill_factor,
            elements: options.elements,
            partitions: options.partitions,
            btree: (options.access_method == AccessMethod::Btree).into(),
            minimum_keys: options.minimum_keys,
            record_numbers: options.record_numbers.into(),
        };
        Self::opened(|handle| {
            // SAFETY: the strings end in NUL and, as the options, outlive the call, which keeps
            // none of them; a missing name is a null pointer; `handle` is a place for the result.
            unsafe { shim_create(handle, path.as_ptr(), c_pointer(name.as_ref()), &options) }
        })
    }

    /// Opens a database for reading, through a cache of `cache` bytes.
    ///
    /// # Errors
    /// What libdb has against it.
    pub fn open(path: &Path, name: Option<&str>, cache: u32) -> Result<Self, Error> {
        let (path, name) = (c_path(path), name.map(c_name));
        Self::opened(|handle| {
            // SAFETY: as in `create`.
            unsafe { shim_open(handle, path.as_ptr(), c_pointer(name.as_ref()), cache) }
        })
    }

    fn opened(open: impl FnOnce(*mut *mut Handle) -> c_int) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        check(open(&mut handle))?;
        let handle = NonNull::new(handle).expect("success gives a handle");
        Ok(Database { handle })
    }

    /// Stores a pair: replaces the key's data, or adds to them where the database has duplicates.
    ///
    /// # Errors
    /// What libdb has against it: also a pair that a database with sorted duplicates holds already.
    pub fn put(&mut self, key: &[u8], data: &[u8]) -> Result<(), Error> {
        let ((key, key_len), (data, data_len)) = (parts(key), parts(data));
        // SAFETY: the handle is open; both items are readable for their lengths, and libdb copies
        // them.
        check(unsafe { shim_put(self.handle.as_ptr(), key, key_len, data, data_len) })
    }

    /// The first data item of the key.
    ///
    /// # Errors
    /// What libdb says of the file.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let (key, key_len) = parts(key);
        let (mut data, mut data_len, mut found) = (ptr::null(), 0, 0);
        // SAFETY: the handle is open; the key is readable for its length; the rest are places for
        // results.
        check(unsafe {
            shim_get(self.handle.as_ptr(), key, key_len, &mut data, &mut data_len, &mut found)
        })?;
        Ok(match found {
            0 => None,
            // An empty item may come without an address.
            _ if data_len == 0 => Some(Vec::new()),
            // SAFETY: libdb lends that many bytes until the next call on this handle, which `self`
            // rules out.
            _ => Some(unsafe { slice::from_raw_parts(data, data_len as usize) }.to_vec()),
        })
    }

    /// Removes the key with all its data; says whether it was there.
    ///
    /// # Errors
    /// What libdb says of the file.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool, Error> {
        let (key, key_len) = parts(key);
        let mut found = 0;
        // SAFETY: the handle is open; the key is readable for its length; `found` is a place for a
        // result.
        check(unsafe { shim_delete(self.handle.as_ptr(), key, key_len, &mut found) })?;
        Ok(found != 0)
    }

    /// Removes one data item of the key; says whether it was there.
    ///
    /// # Errors
    /// What libdb says of the file.
    pub fn delete_pair(&mut self, key: &[u8], data: &[u8]) -> Result<bool, Error> {
        let ((key, key_len), (data, data_len)) = (parts(key), parts(data));
        let mut found = 0;
        // SAFETY: the handle is open; both items are readable for their lengths; `found` is a place
        // for a result.
        check(unsafe {
            shim_delete_pair(self.handle.as_ptr(), key, key_len, data, data_len, &mut found)
        })?;
        Ok(found != 0)
    }

    /// Writes what is still in the cache, and closes the database.
    ///
    /// # Errors
    /// What libdb says of writing; the database is closed all the same.
    pub fn close(self) -> Result<(), Error> {
        let handle = std::mem::ManuallyDrop::new(self).handle;
        // SAFETY: the handle is open, and is gone with `self`, which is not dropped.
        check(unsafe { shim_close(handle.as_ptr()) })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: the handle is open, since `close` does not drop, and nothing uses it after this.
        // A failure has nobody to go to: who cares about it calls `close`.
        unsafe { shim_close(self.handle.as_ptr()) };
    }
}

fn check(error: c_int) -> Result<(), Error> {
    if error == 0 {
        return Ok(());
    }
    // SAFETY: libdb has a text for every number: a constant, or a buffer that the next unknown
    // number overwrites.
    let text = unsafe { CStr::from_ptr(shim_error(error)) };
    Err(Error(text.to_string_lossy().into_owned()))
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("paths of tests have no NUL")
}

fn c_name(name: &str) -> CString {
    CString::new(name).expect("names of tests have no NUL")
}

fn c_pointer(string: Option<&CString>) -> *const c_char {
    string.map_or(ptr::null(), |string| string.as_ptr())
}

/// Address and length of an item.
fn parts(item: &[u8]) -> (*const u8, u32) {
    (item.as_ptr(), u32::try_from(item.len()).expect("items of tests are shorter than 4 GiB"))
}
