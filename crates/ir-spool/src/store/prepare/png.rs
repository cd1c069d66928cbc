//! PNG: of the chunks that are not needed to decode, those on colours, density and animation stay.

use super::plan::{Exif, Plan, Source, damaged};
use std::io;

pub(super) fn plan(source: &mut Source<'_>) -> io::Result<Plan> {
    let mut plan = Plan::new();
    plan.keep(0, 8)?;
    let mut at = 8;
    loop {
        let [a, b, c, d, kind @ ..]: [u8; 8] = source.array(at)?;
        let body = at + 8;
        let over = body + u64::from(u32::from_be_bytes([a, b, c, d]));
        let end = over + 4;
        if end > source.size() {
            return Err(damaged());
        }
        match &kind {
            b"eXIf" => match Exif::judge(source, body, over)? {
                Exif::Keep => plan.keep(at, end)?,
                Exif::Drop => plan.dropped = true,
                Exif::Replace(tiff) => plan.replace(chunk(kind, &tiff)?)?,
            },
            b"tRNS" | b"iCCP" | b"sRGB" | b"gAMA" | b"cHRM" | b"cICP" | b"pHYs" | b"acTL" | b"fcTL" | b"fdAT" => plan.keep(at, end)?,
            // Without these the picture cannot be decoded.
            _ if kind[0].is_ascii_uppercase() => plan.keep(at, end)?,
            _ => plan.dropped = true,
        }
        at = end;
        if &kind == b"IEND" {
            plan.dropped |= at < source.size();
            return Ok(plan);
        }
    }
}

fn chunk(kind: [u8; 4], body: &[u8]) -> io::Result<Vec<u8>> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&kind);
    crc.update(body);
    let length = u32::try_from(body.len()).map_err(|_| damaged())?.to_be_bytes();
    Ok([&length[..], &kind, body, &crc.finalize().to_be_bytes()].concat())
}
