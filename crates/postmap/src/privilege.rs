//! Becoming the owner of the source before a table is made from it (postmap specification, section
//! 7).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use rustix::process::{Gid, Uid, getegid, geteuid, getuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// As root, takes on the user and the group of a source's owner, until the next source's owner is
/// another. `before` is called first, if there is something to change.
///
/// The supplementary groups do not come back. Only the effective ids change, and only those of this
/// thread: the tools make tables in their first thread.
pub fn become_owner(source: &Metadata, before: impl FnOnce()) -> rustix::io::Result<()> {
    let owner = (source.uid(), source.gid());
    if !getuid().is_root() || (geteuid().as_raw(), getegid().as_raw()) == owner {
        return Ok(());
    }
    before();
    // A second table's source may have another owner: only root can change to that.
    set_thread_res_uid(None, Uid::ROOT, None)?;
    set_thread_groups(&[])?;
    set_thread_res_gid(None, Gid::from_raw(owner.1), None)?;
    set_thread_res_uid(None, Uid::from_raw(owner.0), None)
}
