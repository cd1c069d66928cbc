//! The panel is embedded in the binary: built anew when the panel was.

use std::path::Path;

fn main() -> std::io::Result<()> {
    // What is not there would be looked for, and everything built anew, every time.
    std::fs::create_dir_all(Path::new("../../web/dist"))?;
    println!("cargo:rerun-if-changed=../../web/dist");
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
