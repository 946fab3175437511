//! With the feature `peers`: compiles the shim over the C libraries that the lookups are compared with, and links them
//! (Debian packages libdb5.3-dev, libcdb-dev, liblmdb-dev).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "peers")]
    {
        println!("cargo::rerun-if-changed=c/peers.c");
        cc::Build::new().file("c/peers.c").opt_level(2).compile("peers");
        for library in ["db-5.3", "cdb", "lmdb"] {
            println!("cargo::rustc-link-lib={library}");
        }
    }
}
