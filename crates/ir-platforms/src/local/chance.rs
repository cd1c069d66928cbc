//! Predictable chance: SplitMix64, a text hash, and value noise. Only whole-number and basic
//! floating-point operations, so that every machine draws the same.

/// SplitMix64's last step: spreads every bit of `z` over the whole word.
pub(super) fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// FNV-1a of a text, spread.
pub(super) fn hash(text: &str) -> u64 {
    mix(text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)))
}

/// The 24 upper bits as a number in [0, 1).
#[expect(clippy::cast_precision_loss, reason = "24 bits are exact in an f32")]
fn unit(bits: u64) -> f32 {
    (bits >> 40) as f32 / 16_777_216.0
}

/// A stream of numbers.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// In [low, high).
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * unit(self.bits())
    }
}

/// `3t² − 2t³` of `t` brought within 0–1.
pub(super) fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A lattice point's value, in [0, 1).
pub(super) fn at(seed: u64, x: i64, y: i64) -> f32 {
    unit(mix(seed ^ x.cast_unsigned().wrapping_mul(0x8CB9_2BA7_2F3D_8DD7) ^ y.cast_unsigned().wrapping_mul(0xD6E8_FEB8_6659_FD93)))
}

#[expect(clippy::cast_possible_truncation, reason = "callers stay within a few thousand cells")]
fn split(v: f32) -> (i64, f32) {
    let whole = v.floor();
    (whole as i64, smooth(v - whole))
}

/// Value noise along a line, in [−1, 1).
pub(super) fn noise1(seed: u64, x: f32) -> f32 {
    let (cell, t) = split(x);
    let (a, b) = (at(seed, cell, 0), at(seed, cell + 1, 0));
    (a + (b - a) * t) * 2.0 - 1.0
}

/// Value noise on a plane, in [−1, 1).
pub(super) fn noise2(seed: u64, x: f32, y: f32) -> f32 {
    let ((cx, tx), (cy, ty)) = (split(x), split(y));
    let row = |y| {
        let (a, b) = (at(seed, cx, y), at(seed, cx + 1, y));
        a + (b - a) * tx
    };
    let (a, b) = (row(cy), row(cy + 1));
    (a + (b - a) * ty) * 2.0 - 1.0
}

/// Noise over noise, each octave twice as fine and half as high: in (−1, 1).
pub(super) fn fbm1(seed: u64, x: f32, octaves: u32) -> f32 {
    octaves_of(octaves, |octave, scale| noise1(seed.wrapping_add(octave), x * scale))
}

/// As [`fbm1`], on a plane.
pub(super) fn fbm2(seed: u64, x: f32, y: f32, octaves: u32) -> f32 {
    octaves_of(octaves, |octave, scale| noise2(seed.wrapping_add(octave), x * scale, y * scale))
}

fn octaves_of(octaves: u32, mut noise: impl FnMut(u64, f32) -> f32) -> f32 {
    let (mut sum, mut height, mut scale) = (0.0, 0.5, 1.0);
    for octave in 0..octaves {
        sum += noise(u64::from(octave).wrapping_mul(0x1000_0001), scale) * height;
        height *= 0.5;
        scale *= 2.03;
    }
    sum
}
