//! Records and repositories: SQLite behind traits.
