//! Bringing a wanted size within what a model takes.

use ir_model::Size;

/// What sizes a task takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SizePolicy {
    /// Any within these bounds.
    Free(Bounds),
    /// These and no others.
    Listed(&'static [Size]),
    /// The platform judges for itself: passed on as it is.
    Passed,
    /// The platform takes no size.
    None,
}

/// Bounds of a size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Smallest side.
    pub min_side: u32,
    /// Largest side.
    pub max_side: u32,
    /// Fewest pixels.
    pub min_pixels: u64,
    /// Most pixels.
    pub max_pixels: u64,
    /// Sides are multiples of this.
    pub step: u32,
    /// The longer side is at most this many times the shorter.
    pub max_ratio: u32,
}

impl Bounds {
    /// Sides between two lengths, in steps; no bound on area or shape beyond that.
    pub const fn sides(min_side: u32, max_side: u32, step: u32) -> Self {
        let longest = max_side as u64;
        Self { min_side, max_side, min_pixels: 1, max_pixels: longest * longest, step, max_ratio: max_side }
    }

    /// An area between two numbers of pixels, any shape up to 1:`max_ratio`; sides are even.
    pub const fn area(min_pixels: u64, max_pixels: u64, max_ratio: u32) -> Self {
        Self { min_side: 16, max_side: 16_384, min_pixels, max_pixels, step: 2, max_ratio }
    }

    /// Whether a size is within.
    pub fn takes(&self, size: Size) -> bool {
        let (short, long) = (size.width.min(size.height), size.width.max(size.height));
        short >= self.min_side
            && long <= self.max_side
            && (self.min_pixels..=self.max_pixels).contains(&size.pixels())
            && size.width.is_multiple_of(self.step)
            && size.height.is_multiple_of(self.step)
            && u64::from(long) <= u64::from(short) * u64::from(self.max_ratio)
    }

    /// The size within that is nearest in shape, then in area.
    fn nearest(&self, wanted: Size) -> Size {
        if self.takes(wanted) {
            return wanted;
        }
        let ratio = f64::from(wanted.width) / f64::from(wanted.height);
        let most = f64::from(self.max_ratio).min(f64::from(self.max_side) / f64::from(self.min_side));
        let ratio = ratio.clamp(1.0 / most, most);
        #[expect(clippy::cast_precision_loss, reason = "an approximation is rounded to steps anyway")]
        let (least, most, area) = (self.min_pixels as f64, self.max_pixels as f64, wanted.pixels() as f64);
        // Heights that keep the shape and stay within area and sides, before rounding.
        let low = (least / ratio).sqrt().max(f64::from(self.min_side)).max(f64::from(self.min_side) / ratio);
        let high = (most / ratio).sqrt().min(f64::from(self.max_side)).min(f64::from(self.max_side) / ratio);
        let height = (area / ratio).sqrt().max(low).min(high);
        let guess = Size::new(self.round(height * ratio), self.round(height));
        self.around(guess).unwrap_or(guess)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sides stay between 0 and max_side")]
    fn round(&self, side: f64) -> u32 {
        let step = f64::from(self.step);
        ((side / step).round() * step) as u32
    }

    /// The size within that is nearest to a guess: rounding can leave the bounds by a step.
    fn around(&self, guess: Size) -> Option<Size> {
        // The shorter side is moved, where a step weighs most; the bounds know no up and down.
        if guess.height > guess.width {
            return self.around(Size::new(guess.height, guess.width)).map(|size| Size::new(size.height, size.width));
        }
        [0, -1, 1, -2, 2].into_iter().find_map(|by: i64| {
            let height = u32::try_from(i64::from(guess.height) + by * i64::from(self.step)).ok().filter(|height| *height > 0)?;
            let (area, ratio, step) = (u64::from(height), u64::from(self.max_ratio), u64::from(self.step));
            let least = u64::from(self.min_side).max(self.min_pixels.div_ceil(area)).max(area.div_ceil(ratio)).next_multiple_of(step);
            let most = u64::from(self.max_side).min(self.max_pixels / area).min(area * ratio) / step * step;
            let width = (least <= most).then(|| u64::from(guess.width).clamp(least, most))?;
            let size = Size::new(u32::try_from(width).ok()?, height);
            self.takes(size).then_some(size)
        })
    }
}

impl SizePolicy {
    /// What to draw for a wanted size. `None`: the platform takes no size.
    pub fn fit(self, wanted: Size) -> Option<Size> {
        match self {
            Self::Passed => Some(wanted),
            Self::None => None,
            Self::Free(bounds) => Some(bounds.nearest(wanted)),
            Self::Listed(sizes) => sizes.iter().copied().min_by(|a, b| distance(wanted, *a).total_cmp(&distance(wanted, *b))),
        }
    }

    /// Whether a size is drawn as it is.
    pub fn takes(self, size: Size) -> bool {
        match self {
            Self::Passed => true,
            Self::None => false,
            Self::Free(bounds) => bounds.takes(size),
            Self::Listed(sizes) => sizes.contains(&size),
        }
    }
}

/// How far apart two sizes are; a difference in shape weighs most.
fn distance(a: Size, b: Size) -> f64 {
    let shape = |s: Size| (f64::from(s.width) / f64::from(s.height)).ln();
    #[expect(clippy::cast_precision_loss, reason = "only compared")]
    let area = |s: Size| (s.pixels() as f64).ln();
    (shape(a) - shape(b)).abs() * 8.0 + (area(a) - area(b)).abs()
}

/// Whether two sizes differ in shape by more than rounding explains (2 %).
pub fn same_shape(a: Size, b: Size) -> bool {
    let ratio = |s: Size| f64::from(s.width) / f64::from(s.height);
    (ratio(a) / ratio(b)).ln().abs() < 0.02
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ARK: Bounds = Bounds::area(3_686_400, 16_777_216, 16);

    #[test]
    fn a_size_within_is_left_alone() {
        assert_eq!(SizePolicy::Free(ARK).fit(Size::new(2048, 2048)), Some(Size::new(2048, 2048)));
        assert_eq!(SizePolicy::Passed.fit(Size::new(7, 9)), Some(Size::new(7, 9)));
        assert_eq!(SizePolicy::None.fit(Size::new(7, 9)), None);
    }

    #[test]
    fn a_small_size_grows_and_a_large_one_shrinks_in_its_shape() {
        assert_eq!(SizePolicy::Free(ARK).fit(Size::new(1024, 1024)), Some(Size::new(1920, 1920)));
        assert_eq!(SizePolicy::Free(Bounds::sides(64, 1664, 16)).fit(Size::new(2048, 1024)), Some(Size::new(1664, 832)));
        assert_eq!(SizePolicy::Free(Bounds::sides(64, 4096, 1)).fit(Size::new(8000, 8000)), Some(Size::new(4096, 4096)));
    }

    #[test]
    fn the_listed_size_of_the_same_shape_wins_over_a_nearer_area() {
        const LISTED: &[Size] = &[Size::new(1024, 1024), Size::new(1024, 576), Size::new(576, 1024)];
        let listed = SizePolicy::Listed(LISTED);
        assert_eq!(listed.fit(Size::new(2560, 1440)), Some(Size::new(1024, 576)));
        assert_eq!(listed.fit(Size::new(900, 1000)), Some(Size::new(1024, 1024)));
    }

    #[test]
    fn shapes_are_compared_beyond_rounding() {
        assert!(same_shape(Size::new(1920, 1080), Size::new(1664, 928)));
        assert!(!same_shape(Size::new(1024, 1024), Size::new(1024, 768)));
    }

    proptest! {
        #[test]
        fn what_comes_out_is_within(w in 1u32..16_384, h in 1u32..16_384) {
            for bounds in [ARK, Bounds::area(921_600, 4_624_220, 16), Bounds::sides(64, 2048, 8), Bounds::sides(64, 4096, 1), Bounds::sides(512, 2048, 64)] {
                let fitted = SizePolicy::Free(bounds).fit(Size::new(w, h)).expect("a size");
                prop_assert!(bounds.takes(fitted), "{w}x{h} -> {fitted} in {bounds:?}");
            }
        }
    }
}
