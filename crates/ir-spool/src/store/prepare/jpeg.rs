//! JPEG: application segments and comments go (ITU-T T.81, B.2.4).
//!
//! What decoders need of them stays: the JFIF header, the colour profile, and Adobe's note on how
//! the colours are coded.

use super::plan::{Exif, Plan, Source, damaged};
use memchr::memchr;
use std::io;

/// A segment, from its marker to its end.
struct Segment {
    start: u64,
    body: u64,
    end: u64,
}

pub(super) fn plan(source: &mut Source<'_>) -> io::Result<Plan> {
    let mut plan = Plan::new();
    plan.keep(0, 2)?;
    let mut at = 2;
    loop {
        let start = find(source, at)?;
        // Stray bytes between segments say nothing about the picture.
        plan.dropped |= start > at;
        let mut code_at = start + 1;
        while source.byte(code_at)? == 0xff {
            code_at += 1;
        }
        match source.byte(code_at)? {
            0xd9 => {
                plan.keep(start, code_at + 1)?;
                plan.dropped |= code_at + 1 < source.size();
                return Ok(plan);
            }
            0x00..=0xbf | 0xd0..=0xd8 => return Err(damaged()),
            code => {
                let length = u64::from(u16::from_be_bytes(source.array(code_at + 1)?));
                let segment = Segment { start, body: code_at + 3, end: code_at + 1 + length };
                if length < 2 || segment.end > source.size() {
                    return Err(damaged());
                }
                judge(source, &mut plan, code, &segment)?;
                at = segment.end;
                if code == 0xda {
                    let over = scan_end(source, at)?;
                    plan.keep(at, over)?;
                    at = over;
                }
            }
        }
    }
}

fn judge(source: &mut Source<'_>, plan: &mut Plan, code: u8, segment: &Segment) -> io::Result<()> {
    let Segment { start, body, end } = *segment;
    let stays = match code {
        0xe0 if source.is(body, end, b"JFIF\0")? => return header(source, plan, segment),
        0xe1 if source.is(body, end, b"Exif\0\0")? => match Exif::judge(source, body + 6, end)? {
            Exif::Keep => true,
            Exif::Drop => false,
            Exif::Replace(tiff) => {
                let length = u16::try_from(tiff.len() + 8).map_err(|_| damaged())?.to_be_bytes();
                return plan.replace([&[0xff, 0xe1][..], &length, b"Exif\0\0", &tiff].concat());
            }
        },
        0xe2 => source.is(body, end, b"ICC_PROFILE\0")?,
        0xee => source.is(body, end, b"Adobe")?,
        0xe0..=0xef | 0xfe => false,
        _ => true,
    };
    if stays {
        return plan.keep(start, end);
    }
    plan.dropped = true;
    Ok(())
}

/// The JFIF header stays; a thumbnail in it, which may show what was cut away, does not.
fn header(source: &mut Source<'_>, plan: &mut Plan, segment: &Segment) -> io::Result<()> {
    let Segment { start, body, end } = *segment;
    match end - body {
        0..14 => Err(damaged()),
        14 => plan.keep(start, end),
        _ => {
            let fields: [u8; 12] = source.array(body)?;
            plan.replace([&[0xff, 0xe0, 0, 16][..], &fields, &[0, 0]].concat())
        }
    }
}

/// Where entropy-coded data ends: at a marker that is no restart.
fn scan_end(source: &mut Source<'_>, mut at: u64) -> io::Result<u64> {
    loop {
        at = find(source, at)?;
        match source.byte(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Ok(at),
        }
    }
}

/// The next 0xFF.
fn find(source: &mut Source<'_>, mut at: u64) -> io::Result<u64> {
    loop {
        let piece = source.rest(at)?;
        match memchr(0xff, piece) {
            Some(by) => return Ok(at + by as u64),
            None => at += piece.len() as u64,
        }
    }
}
