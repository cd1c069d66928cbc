//! Odd and hostile bytes by name: what tests, fuzzers and documentation write instead of the bytes themselves.
//!
//! A recipe is a source and steps, separated by ` | `: `png 20000x20000 grey`, `png 8x8 rgb | cut 50% | base64`, `repeat 1000 x`. Sources and steps are
//! the arms of [`source`] and [`step`]. In a text a recipe stands in double braces, and so do variables: `{{key}}`, `{{repeat 65 k}}`.

mod documents;
mod pictures;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

/// The bytes of a recipe.
///
/// # Errors
/// What of it is not known.
pub fn bytes(recipe: &str) -> Result<Vec<u8>, String> {
    let mut parts = recipe.split(" | ");
    let made = source(parts.next().unwrap_or_default())?;
    parts.try_fold(made, |bytes, name| step(&bytes, name))
}

/// A text with its recipes and variables put in.
///
/// # Errors
/// As [`bytes`], and for braces that are not closed.
pub fn expand(text: &str, variables: &[(&str, &str)]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (inner, after) = behind.split_once("}}").ok_or_else(|| format!("no }}}} behind {{{{{behind}"))?;
        out.extend_from_slice(before.as_bytes());
        match variables.iter().find(|(name, _)| *name == inner) {
            Some((_, value)) => out.extend_from_slice(value.as_bytes()),
            None => out.extend(bytes(inner)?),
        }
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

fn source(text: &str) -> Result<Vec<u8>, String> {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    if let Some(made) = pictures::source(name, rest)? {
        return Ok(made);
    }
    match name {
        "empty" => Ok(Vec::new()),
        "text" => Ok(rest.as_bytes().to_vec()),
        "hex" => hex(rest),
        "repeat" => {
            let (count, what) = rest.split_once(' ').ok_or("repeat COUNT TEXT")?;
            Ok(what.repeat(number(count)?).into_bytes())
        }
        "numbered" => {
            let (count, what) = rest.split_once(' ').ok_or("numbered COUNT TEXT")?;
            Ok((0..number::<usize>(count)?).map(|at| what.replace('#', &at.to_string())).collect::<String>().into_bytes())
        }
        "nested" => {
            let depth = number::<usize>(rest)?;
            Ok([b"[".repeat(depth), b"]".repeat(depth)].concat())
        }
        "nested-objects" => {
            let depth = number::<usize>(rest)?;
            Ok([&b"{\"a\":".repeat(depth)[..], b"1", &b"}".repeat(depth)].concat())
        }
        "file" => documents::beginning(rest).ok_or_else(|| format!("no file '{rest}'")),
        other => Err(format!("no source '{other}'")),
    }
}

fn step(bytes: &[u8], text: &str) -> Result<Vec<u8>, String> {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    Ok(match name {
        // So many bytes from the front, or so much of a hundred, at least one short of the whole.
        "cut" => {
            let keep = match rest.strip_suffix('%') {
                Some(share) => bytes.len() * number::<usize>(share)? / 100,
                None => number(rest)?,
            };
            bytes[..keep.min(bytes.len().saturating_sub(1))].to_vec()
        }
        // One bit of the byte so far from the end.
        "flip" => {
            let mut bytes = bytes.to_vec();
            let at = bytes.len().checked_sub(number(rest)?).ok_or("flip: beyond the beginning")?;
            bytes[at] ^= 1;
            bytes
        }
        "append" => [bytes, rest.as_bytes()].concat(),
        "base64" => STANDARD.encode(bytes).into_bytes(),
        "base64-unpadded" => STANDARD_NO_PAD.encode(bytes).into_bytes(),
        "base64-url" => URL_SAFE.encode(bytes).into_bytes(),
        "percent" => bytes.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect(),
        // Line breaks as MIME has them, written as JSON does.
        "wrapped" => bytes.chunks(76).collect::<Vec<_>>().join(&b"\\r\\n"[..]),
        other => return Err(format!("no step '{other}'")),
    })
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("'{text}' is no number"))
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).map_err(|_| format!("'{byte}' is no byte"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes() {
        assert_eq!(bytes("repeat 3 ab").unwrap(), b"ababab");
        assert_eq!(bytes("hex ff 00 | base64").unwrap(), b"/wA=");
        assert_eq!(bytes("text abcd | cut 50%").unwrap(), b"ab");
        assert_eq!(bytes("text abcd | cut 100%").unwrap(), b"abc");
        assert_eq!(bytes("text ab | percent").unwrap(), b"%61%62");
        assert_eq!(bytes("numbered 2 <#>").unwrap(), b"<0><1>");
        assert_eq!(expand("a{{key}}b{{nested 2}}", &[("key", "k")]).unwrap(), b"akb[[]]");
        assert!(bytes("nothing").is_err() && bytes("text a | nothing").is_err() && expand("{{text a", &[]).is_err());
    }

    #[test]
    fn pictures_that_are_said_to_be_good_decode() {
        for recipe in ["png 7x5 grey", "png 7x5 rgb", "png 7x5 rgba", "jpeg 16x16", "jpeg-gps 16x16", "gif 4x4 frames 3 delay 0"] {
            let picture = image::load_from_memory(&bytes(recipe).unwrap()).unwrap_or_else(|error| panic!("{recipe}: {error}"));
            assert!(picture.width() >= 4, "{recipe}");
        }
        // The figures of bombs that are known: 400 million pixels in a file of less than half a megabyte.
        assert!(bytes("png 20000x20000 grey").unwrap().len() < 500_000);
    }
}
