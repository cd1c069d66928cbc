//! What goes wrong with the spool and with documents that are read into it.

use std::{error, fmt, io};

/// Why bytes could not be kept in, or read from, the spool.
#[derive(Debug)]
pub enum SpoolError {
    /// The file system failed.
    Io(io::Error),
    /// The bytes are more than `limit`.
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The text is not base64.
    Base64 {
        /// Where, as a byte position in the text, counted from 0.
        at: u64,
    },
    /// The disk, or the budget of bytes in flight, is used up.
    Full,
}

/// Whether the process, or the system, has no file descriptor left: a matter of load, not of the disk.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    error.raw_os_error().is_some_and(|code| code == Errno::MFILE.raw_os_error() || code == Errno::NFILE.raw_os_error())
}

impl From<io::Error> for SpoolError {
    /// A full disk or quota becomes [`SpoolError::Full`], everything else [`SpoolError::Io`].
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "spool: {error}"),
            Self::TooLarge { limit } => write!(f, "more than {limit} bytes"),
            Self::Base64 { at } => write!(f, "not base64 at byte {at}"),
            Self::Full => f.write_str("no space left for pictures"),
        }
    }
}

impl error::Error for SpoolError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::TooLarge { .. } | Self::Base64 { .. } | Self::Full => None,
        }
    }
}

/// Why a document was refused, and where.
#[derive(Debug)]
pub struct LiftError {
    /// What is wrong.
    pub kind: LiftErrorKind,
    /// The value it is wrong with, such as `images[0].image_url`; empty at the root. At most 512
    /// bytes of it.
    pub path: String,
    /// The line, counted from 1.
    pub line: u64,
    /// The byte in the line, counted from 1.
    pub column: u64,
    /// The byte in the document, counted from 0. What concerns a lifted string as a whole (its
    /// size, the disk) is reported at its opening quote.
    pub offset: u64,
}

/// What is wrong with a document.
#[derive(Debug)]
pub enum LiftErrorKind {
    /// Not JSON; the text says what was expected or found.
    Syntax(&'static str),
    /// Not UTF-8.
    Utf8,
    /// Nested too deeply.
    Depth,
    /// Too many members and elements, or too many pictures in one text.
    Members,
    /// A name twice in one object.
    DuplicateKey,
    /// The document, what is kept of it, a picture or a text is above its limit.
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A byte that cannot be part of base64, or base64 that ends too early.
    Base64,
    /// The file system failed.
    Io(io::Error),
    /// The disk, or the budget of bytes in flight, is used up.
    Full,
    /// The document ends too early.
    Truncated,
}

impl fmt::Display for LiftErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(what) => f.write_str(what),
            Self::Utf8 => f.write_str("not UTF-8"),
            Self::Depth => f.write_str("nested too deeply"),
            Self::Members => f.write_str("too many members"),
            Self::DuplicateKey => f.write_str("a name twice in one object"),
            Self::TooLarge { limit } => write!(f, "more than {limit} bytes"),
            Self::Base64 => f.write_str("not base64"),
            Self::Io(error) => write!(f, "spool: {error}"),
            Self::Full => f.write_str("no space left for pictures"),
            Self::Truncated => f.write_str("the document ends too early"),
        }
    }
}

impl fmt::Display for LiftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.kind, self.line, self.column)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, " ({})", self.path) }
    }
}

impl error::Error for LiftError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.kind {
            LiftErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_not_an_io_fault() {
        assert!(matches!(SpoolError::from(io::Error::from(io::ErrorKind::StorageFull)), SpoolError::Full));
        assert!(matches!(SpoolError::from(io::Error::from(io::ErrorKind::QuotaExceeded)), SpoolError::Full));
        assert!(matches!(SpoolError::from(io::Error::from(io::ErrorKind::NotFound)), SpoolError::Io(_)));
    }

    #[test]
    fn messages_name_the_place() {
        let error = LiftError { kind: LiftErrorKind::Base64, path: "images[0].image_url".into(), line: 2, column: 7, offset: 40 };
        assert_eq!(error.to_string(), "not base64 at line 2 column 7 (images[0].image_url)");
    }
}
