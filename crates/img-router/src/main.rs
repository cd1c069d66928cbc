//! img-router.
fn main() {}
