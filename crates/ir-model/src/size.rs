//! Picture sizes, as asked for and as drawn.

use std::fmt;

/// Width and height in pixels; both 1–65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Size {
    /// A size from its two sides.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// `width × height`.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// What a caller may write in `size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum SizeAsk {
    /// Absent or `auto`: the platform's default.
    #[default]
    Auto,
    /// `1024x768`.
    Exact(Size),
    /// An aspect ratio such as `16:9`; each side 1–64.
    Ratio(u32, u32),
    /// `1K`, `2K` or `4K`: a square-equivalent area of 1024², 2048² or 4096² pixels.
    Tier(u32),
}

/// Why a `size` was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// Not one of the forms.
    Form,
    /// A side is 0 or above 16384.
    Range,
}

impl SizeAsk {
    /// Reads a caller's `size`. Exactly the documented forms: no blanks, signs, `×` or exponents.
    ///
    /// # Errors
    /// [`SizeError::Form`] for anything else, [`SizeError::Range`] for impossible sides.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        let number = |s: &str| -> Result<u32, SizeError> {
            if s.is_empty() || s.len() > 5 || !s.bytes().all(|b| b.is_ascii_digit()) {
                return Err(SizeError::Form);
            }
            s.parse().map_err(|_| SizeError::Form)
        };
        match text {
            "" | "auto" => return Ok(Self::Auto),
            "1K" | "1k" => return Ok(Self::Tier(1024)),
            "2K" | "2k" => return Ok(Self::Tier(2048)),
            "4K" | "4k" => return Ok(Self::Tier(4096)),
            _ => {}
        }
        if let Some((w, h)) = text.split_once(':') {
            let (w, h) = (number(w)?, number(h)?);
            return if (1..=64).contains(&w) && (1..=64).contains(&h) { Ok(Self::Ratio(w, h)) } else { Err(SizeError::Range) };
        }
        let (w, h) = text.split_once(['x', 'X']).ok_or(SizeError::Form)?;
        let size = Size::new(number(w)?, number(h)?);
        let fits = |v: u32| (1..=16_384).contains(&v);
        if fits(size.width) && fits(size.height) { Ok(Self::Exact(size)) } else { Err(SizeError::Range) }
    }

    /// The size that stands for this ask where a platform takes free sizes; `default` for `auto`.
    /// The named aspect ratios are those of 1.x; others get its 2048² area, sides multiples of 16.
    pub fn resolve(self, default: Size) -> Size {
        match self {
            Self::Auto => default,
            Self::Exact(size) => size,
            Self::Tier(side) => Size::new(side, side),
            Self::Ratio(w, h) => match (w, h) {
                (4, 3) => Size::new(2304, 1728),
                (3, 4) => Size::new(1728, 2304),
                (16, 9) => Size::new(2560, 1440),
                (9, 16) => Size::new(1440, 2560),
                (3, 2) => Size::new(2496, 1664),
                (2, 3) => Size::new(1664, 2496),
                (21, 9) => Size::new(3024, 1296),
                (w, h) if w == h => Size::new(2048, 2048),
                (w, h) => {
                    let side = |a: u32, b: u32| {
                        let exact = 2048.0 * (f64::from(a) / f64::from(b)).sqrt();
                        #[expect(
                            clippy::cast_possible_truncation,
                            clippy::cast_sign_loss,
                            reason = "between 256 and 16384 by the bounds of a ratio"
                        )]
                        let steps = (exact / 16.0).round() as u32;
                        steps * 16
                    };
                    Size::new(side(w, h), side(h, w))
                }
            },
        }
    }
}

impl fmt::Display for SizeAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Exact(size) => size.fmt(f),
            Self::Ratio(w, h) => write!(f, "{w}:{h}"),
            Self::Tier(side) => write!(f, "{}K", side / 1024),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_forms() {
        assert_eq!(SizeAsk::parse("1024x768"), Ok(SizeAsk::Exact(Size::new(1024, 768))));
        assert_eq!(SizeAsk::parse("auto"), Ok(SizeAsk::Auto));
        assert_eq!(SizeAsk::parse(""), Ok(SizeAsk::Auto));
        assert_eq!(SizeAsk::parse("16:9"), Ok(SizeAsk::Ratio(16, 9)));
        assert_eq!(SizeAsk::parse("2K"), Ok(SizeAsk::Tier(2048)));
    }

    #[test]
    fn refused_forms() {
        for bad in [
            "0x0",
            "-1x1",
            "1024",
            "1024x",
            "1024×1024",
            "99999x99999",
            "1024x1024x1",
            "NaNxNaN",
            "1e3x1e3",
            " 1024x1024 ",
            "0:1",
            "x",
            ":",
            "100000x1",
        ] {
            assert!(SizeAsk::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ratios_resolve_to_the_sizes_of_1x() {
        let default = Size::new(1, 1);
        assert_eq!(SizeAsk::Ratio(16, 9).resolve(default), Size::new(2560, 1440));
        assert_eq!(SizeAsk::Ratio(1, 1).resolve(default), Size::new(2048, 2048));
        assert_eq!(SizeAsk::Ratio(5, 4).resolve(default), Size::new(2288, 1824));
        assert_eq!(SizeAsk::Auto.resolve(default), default);
    }
}
