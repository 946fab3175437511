//! What a test puts in the place of a file or directory, as root, until it ends.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

fn succeeds(program: &str, arguments: &[&OsStr]) -> bool {
    Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
}

/// A mounted file system.
pub struct Mount(PathBuf);

impl Mount {
    /// A file system in memory.
    pub fn memory(directory: &Path, size: &str) -> Self {
        Mount::new(&["-t", "tmpfs", "-o", size, "none"].map(OsStr::new), directory)
    }

    /// A file in the place of another.
    pub fn file(file: &Path, place: &Path) -> Self {
        Mount::new(&[OsStr::new("--bind"), file.as_os_str()], place)
    }

    /// An ext4 file system in a file.
    pub fn ext4(image: &Path, directory: &Path) -> Self {
        std::fs::File::create(image).unwrap().set_len(16 << 20).unwrap();
        assert!(succeeds("mkfs.ext4", &[OsStr::new("-q"), image.as_os_str()]));
        Mount::new(&[OsStr::new("-o"), OsStr::new("loop"), image.as_os_str()], directory)
    }

    fn new(options: &[&OsStr], place: &Path) -> Self {
        let mounted = succeeds("mount", &[options, &[place.as_os_str()]].concat());
        assert!(mounted, "only root can mount a file system, and not in every container");
        Mount(place.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        assert!(succeeds("umount", &[self.0.as_os_str()]));
    }
}

/// A directory in which files can be made, but not removed or renamed.
pub struct AppendOnly(PathBuf);

impl AppendOnly {
    /// Nothing where the file system has no such directories.
    pub fn new(directory: &Path) -> Option<Self> {
        succeeds("chattr", &[OsStr::new("+a"), directory.as_os_str()])
            .then(|| AppendOnly(directory.to_owned()))
    }
}

impl Drop for AppendOnly {
    fn drop(&mut self) {
        assert!(succeeds("chattr", &[OsStr::new("-a"), self.0.as_os_str()]));
    }
}
