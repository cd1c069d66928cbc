//! From a relative path to an open directory and a name in it, without following anything.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Most bytes of a file or folder name: 255 less what our own suffixes (`.json`, `.webp`, …) need.
const NAME_LIMIT: usize = 240;

/// File name extensions of pictures, lower case.
pub(super) const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "gif"];

/// Whether a file name is a picture's by its extension.
pub(super) fn is_picture(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Splits `<folder>/<file>` or `<file>`; `None` for anything else, hidden names among it.
pub(super) fn split(relative: &str) -> Option<(Option<&str>, &str)> {
    let (folder, name) = match relative.split_once('/') {
        Some((folder, name)) => (Some(folder), name),
        None => (None, relative),
    };
    let plain = |part: &str| {
        let length = (1..=NAME_LIMIT).contains(&part.len());
        length && !part.starts_with('.') && !part.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
    };
    (plain(name) && folder.is_none_or(plain) && is_picture(name)).then_some((folder, name))
}

/// A file's directory, open, and its name there.
pub(super) struct Place {
    pub(super) dir: OwnedFd,
    pub(super) name: String,
}

impl Place {
    /// Finds `relative` under `root`, which is trusted. Blocks.
    ///
    /// # Errors
    /// `InvalidInput` for a path that is not plain; `NotFound`, also for a folder that is a link.
    pub(super) fn find(root: &Path, relative: &str) -> io::Result<Self> {
        let (folder, name) =
            split(relative).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the relative path of a picture"))?;
        let mut dir = open_dir(CWD, root, false)?;
        if let Some(folder) = folder {
            dir = open_dir(&dir, Path::new(folder), true)?;
        }
        Ok(Self { dir, name: name.to_owned() })
    }

    /// Opens the file itself, which must be a regular one, for reading.
    pub(super) fn open(&self) -> io::Result<File> {
        open_file(&self.dir, &self.name)
    }

    /// Whether anything has this name, a link too.
    pub(super) fn is_there(&self) -> io::Result<bool> {
        match statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Opens a directory.
pub(super) fn open_dir(at: impl std::os::fd::AsFd, path: &Path, no_link: bool) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let flags = if no_link { flags | OFlags::NOFOLLOW } else { flags };
    openat(at, path, flags, Mode::empty()).map_err(as_missing)
}

/// Opens a regular file of a directory; links and devices are as good as not there.
pub(super) fn open_file(dir: &OwnedFd, name: &str) -> io::Result<File> {
    // NONBLOCK: opening a named pipe must not wait for its writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(openat(dir, name, flags, Mode::empty()).map_err(as_missing)?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// A link where none is followed (`ELOOP`, `ENOTDIR`), or a device without a driver, is as good as
/// not there.
fn as_missing(error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::NOTDIR | Errno::NXIO | Errno::NODEV => io::ErrorKind::NotFound.into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves R-FS-1.
    #[test]
    fn only_plain_paths_of_pictures() {
        for good in ["a.png", "2026-11-22/a.png", "x y.JPG", "图.webp", "a..b.gif", "....png.jpeg.x.gif".trim_start_matches('.')] {
            assert!(split(good).is_some(), "{good}");
        }
        let long = format!("{}.png", "x".repeat(240));
        let bad = [
            "",
            ".",
            "..",
            "/",
            "a",
            "a.txt",
            "a.png.json",
            ".hidden.png",
            "../a.png",
            "a/../b.png",
            "a/./b.png",
            "a/b/c.png",
            "/a.png",
            "//a.png",
            "a//b.png",
            "a/",
            "a.png/",
            "..\\a.png",
            "a\\b.png",
            "a\0.png",
            "a\n.png",
            "....//a.png",
            "./a.png",
            &long,
        ];
        for bad in bad {
            assert!(split(bad).is_none(), "{bad:?}");
        }
    }
}
