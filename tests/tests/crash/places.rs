//! Places where a new file cannot be put beside the map, or not be exchanged with it.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use map_tests::dbtools;
use map_tests::table_types::HASH;
use map_tests::tools::{self, Tool};

use crate::mounts::{AppendOnly, Mount};
use crate::scene::{Action, Map, Scene, names};

/// A directory inside a scene's, with its text; maps are called `name`.
struct Place {
    scene: Scene,
    path: PathBuf,
    name: String,
}

impl Place {
    fn new(map: Map, action: Action, name: &str) -> Self {
        let (scene, _) = Scene::new(HASH, map, action, tools::ours());
        let path = scene.path("place");
        fs::create_dir(&path).unwrap();
        Place { scene, path, name: name.to_owned() }
    }

    fn file(&self) -> PathBuf {
        self.path.join(format!("{}.db", self.name))
    }

    /// Lays out the text, and the old map where there is one.
    fn lay(&self) {
        symlink(self.scene.path("m"), self.path.join(&self.name)).unwrap();
        if let Some(contents) = &self.scene.states[0] {
            fs::write(self.file(), contents).unwrap();
        }
    }

    fn run(&self) -> Output {
        self.scene
            .command(&tools::ours().program(Tool::Postmap))
            .args(self.scene.action.options())
            .arg(format!("hash:{}", self.name))
            .current_dir(&self.path)
            .env("MAIL_CONFIG", self.scene.path("etc"))
            .stdin(File::open(self.scene.path("stdin")).unwrap())
            .output()
            .unwrap()
    }

    /// Makes the change; the map is the new one, and the directory has the files that it had.
    fn succeed(&self) {
        let mut expected = names(&self.path);
        if self.scene.states[0].is_none() {
            expected.push(format!("{}.db", self.name));
        }
        let output = self.run();
        let context = format!("{} as {}", self.scene.name, self.name);
        assert!(output.status.success() && output.stderr.is_empty(), "{context}: {output:?}");
        let found = fs::read(self.file()).ok();
        assert!(found == self.scene.states[self.scene.last()], "{context}: another map");
        assert_eq!(dbtools::verify(&self.file()), Ok(()), "{context}");
        assert_eq!(names(&self.path), expected, "{context}");
    }
}

/// Small maps, and one that is to be made.
fn scenes() -> impl Iterator<Item = (Map, Action)> {
    let changes = Action::ALL.into_iter().map(|action| (Map::Small, action));
    changes.chain([(Map::Missing, Action::Rebuild)])
}

/// A change for which the disk has no room is refused, and leaves the old map.
#[test]
fn a_full_disk() {
    for action in Action::ALL {
        for linked in [false, true] {
            let place = Place::new(Map::Small, action, "m");
            let _disk = Mount::memory(&place.path, "size=1m");
            place.lay();
            if linked {
                fs::hard_link(place.file(), place.path.join("other.db")).unwrap();
            }
            fs::write(place.path.join("filler"), vec![0; 1 << 20]).unwrap_err();
            let files = names(&place.path);

            let output = place.run();
            let name = &place.scene.name;
            let message = "postmap: fatal: error writing m.db: No space left on device\n";
            assert_eq!(String::from_utf8_lossy(&output.stderr), message, "{name}");
            assert_eq!(output.status.code(), Some(1), "{name}");
            let found = fs::read(place.file()).ok();
            assert!(found == place.scene.states[0], "{name}: another map");
            assert_eq!(names(&place.path), files, "{name}");
        }
    }
}

/// Of a file system in memory, too.
#[test]
fn another_file_system() {
    for (map, action) in scenes() {
        let place = Place::new(map, action, "m");
        let _disk = Mount::memory(&place.path, "size=4m");
        place.lay();
        place.succeed();
    }
}

#[test]
fn a_table_that_is_a_mount_point() {
    for action in Action::ALL {
        let place = Place::new(Map::Small, action, "m");
        place.lay();
        let other = place.path.join("other.db");
        fs::rename(place.file(), &other).unwrap();
        File::create(place.file()).unwrap();
        let _mounted = Mount::file(&other, &place.file());
        place.succeed();
        let bound = fs::read(&other).ok();
        assert!(bound == place.scene.states[place.scene.last()], "{}", place.scene.name);
    }
}

/// The file's own name is as long as a name may be, or nearly so: there is no room for a longer one
/// beside it.
#[test]
fn a_name_of_the_greatest_length() {
    for len in 248..=252 {
        for (map, action) in scenes() {
            let place = Place::new(map, action, &"n".repeat(len));
            place.lay();
            place.succeed();
        }
    }
}

fn append_only(directory: &Path, image: &Path) -> (Option<Mount>, AppendOnly) {
    if let Some(here) = AppendOnly::new(directory) {
        return (None, here);
    }
    let mount = Mount::ext4(image, directory);
    let there = AppendOnly::new(directory).expect("chattr, of the Debian package e2fsprogs, runs");
    (Some(mount), there)
}

/// Files can be made there, but not removed.
#[test]
fn a_directory_that_is_only_appended_to() {
    for (map, action) in scenes() {
        let place = Place::new(map, action, "m");
        // Whether it is this file system or another, before there are files in it.
        let (mount, there) = append_only(&place.path, &place.scene.path("image"));
        place.lay();
        place.succeed();
        drop(there);
        drop(mount);
    }
}
