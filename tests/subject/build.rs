//! Switches fault injection on: here, and in no other package.

fn main() {
    println!("cargo::rustc-cfg=grisaille_faults");
    println!("cargo::rerun-if-changed=build.rs");
}
