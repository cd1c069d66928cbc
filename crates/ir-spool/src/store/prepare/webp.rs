//! WebP: only the chunks of RFC 9649 that make the picture stay, and the header tells of no others.

use super::plan::{Exif, Part, Plan, Source, damaged};
use std::io;

/// Flags of the extended header: it has EXIF, it has XMP.
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

/// Where the flags stand in a file that has an extended header, which is always the first chunk.
const FLAGS: usize = 20;

pub(super) fn plan(source: &mut Source<'_>) -> io::Result<Plan> {
    let mut plan = Plan::new();
    let container = source.array::<12>(0)?;
    let end = 8 + u64::from(u32::from_le_bytes([container[4], container[5], container[6], container[7]]));
    if end > source.size() {
        return Err(damaged());
    }
    let extended = source.is(12, source.size(), b"VP8X")?;
    // The bytes that may have to be changed, up to and with the flags.
    let head = source.copy(0, if extended { FLAGS as u64 + 1 } else { 12 })?;
    let (mut at, mut exif) = (12, false);
    while at < end {
        let [kind @ .., a, b, c, d]: [u8; 8] = source.array(at)?;
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        // Chunks are padded to even lengths; some writers forget the last padding.
        let over = (at + 8 + length + length % 2).min(end);
        if at + 8 + length > end {
            return Err(damaged());
        }
        match &kind {
            b"VP8X" if at == 12 => plan.keep(head.len() as u64, over)?,
            b"VP8 " | b"VP8L" | b"ALPH" | b"ANIM" | b"ANMF" | b"ICCP" => plan.keep(at, over)?,
            b"EXIF" if extended && !exif => match Exif::judge(source, at + 8, at + 8 + length)? {
                Exif::Keep => {
                    exif = true;
                    plan.keep(at, over)?;
                }
                Exif::Drop => plan.dropped = true,
                Exif::Replace(tiff) => {
                    exif = true;
                    let length = u32::try_from(tiff.len()).map_err(|_| damaged())?.to_le_bytes();
                    plan.replace([&b"EXIF"[..], &length, &tiff].concat())?;
                }
            },
            _ => plan.dropped = true,
        }
        at = over;
    }
    plan.dropped |= end < source.size();
    finish(plan, head, exif)
}

/// Puts the head in front, with the new size and without the flags of what is gone.
fn finish(mut plan: Plan, mut head: Vec<u8>, exif: bool) -> io::Result<Plan> {
    if let Some(flags) = head.get_mut(FLAGS) {
        let old = *flags;
        *flags = old & !(HAS_EXIF | HAS_XMP) | if exif { HAS_EXIF } else { 0 };
        plan.dropped |= *flags != old;
    }
    let size = u32::try_from(head.len() as u64 + plan.size() - 8).map_err(|_| damaged())?;
    head[4..8].copy_from_slice(&size.to_le_bytes());
    plan.parts.insert(0, Part::Bytes(head));
    Ok(plan)
}
