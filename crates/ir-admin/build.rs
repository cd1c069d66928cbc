//! The panel and the documentation are embedded in the binary: built anew when they were.

use std::path::Path;

fn main() -> std::io::Result<()> {
    for folder in ["../../web/dist", "../../docs/.vitepress/dist"] {
        // What is not there would be looked for, and everything built anew, every time.
        std::fs::create_dir_all(Path::new(folder))?;
        println!("cargo:rerun-if-changed={folder}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
