//! GIF: comments and application extensions go (GIF89a, 24 and 26), but for the one that makes an
//! animation run again and the one that holds the colour profile.

use super::plan::{Plan, Source, damaged};
use std::io;

/// Application identifiers that stay.
const STAY: [&[u8]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];

pub(super) fn plan(source: &mut Source<'_>) -> io::Result<Plan> {
    let mut plan = Plan::new();
    let mut at = 13 + colours(source.byte(10)?);
    plan.keep(0, at)?;
    loop {
        let (end, stays) = match source.byte(at)? {
            0x3b => {
                plan.keep(at, at + 1)?;
                plan.dropped |= at + 1 < source.size();
                return Ok(plan);
            }
            // Position, size and flags, then colours, the code size, and the data.
            0x2c => {
                let table = colours(source.byte(at + 9)?);
                (blocks(source, at + 11 + table)?, true)
            }
            0x21 => {
                let stays = match source.byte(at + 1)? {
                    // How a frame is shown, and text that is drawn.
                    0xf9 | 0x01 => true,
                    0xff if source.byte(at + 2)? == 11 => {
                        let name = source.array::<11>(at + 3)?;
                        STAY.contains(&&name[..])
                    }
                    _ => false,
                };
                (blocks(source, at + 2)?, stays)
            }
            _ => return Err(damaged()),
        };
        if stays {
            plan.keep(at, end)?;
        } else {
            plan.dropped = true;
        }
        at = end;
    }
}

/// Bytes of the table of colours that flags announce.
fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// The end of a row of sub-blocks.
fn blocks(source: &mut Source<'_>, mut at: u64) -> io::Result<u64> {
    loop {
        match source.byte(at)? {
            0 => return Ok(at + 1),
            length => at += 1 + u64::from(length),
        }
    }
}
