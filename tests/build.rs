//! With the feature `peers`: compiles the shim over libdb, and links libdb (Debian package
//! libdb5.3-dev).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "peers")]
    {
        println!("cargo::rerun-if-changed=c/libdb_shim.c");
        cc::Build::new().file("c/libdb_shim.c").compile("libdb_shim");
        println!("cargo::rustc-link-lib=db-5.3");
    }
}
