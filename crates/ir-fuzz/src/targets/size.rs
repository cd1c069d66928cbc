//! Sizes as callers write them, and what models draw.

use ir_model::{Size, SizeAsk, SizeError};
use ir_platforms::{ADAPTERS, SizePolicy, TaskCard, same_shape};

/// What is accepted is one of the documented forms, reads the same when it is written down, and comes
/// to a size within the table of every model.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let ask = SizeAsk::parse(text);
    assert_eq!(ask, slowly(text), "{text:?}");
    let Ok(ask) = ask else { return };
    assert_eq!(SizeAsk::parse(&ask.to_string()), Ok(ask));
    for adapter in ADAPTERS {
        for card in adapter.card().tasks {
            fits(card, ask);
            card.variants.iter().for_each(|(_, variant)| fits(variant, ask));
        }
    }
}

fn fits(card: &TaskCard, ask: SizeAsk) {
    let wanted = ask.resolve(card.default_size.unwrap_or(Size::new(1024, 1024)));
    assert!((1..=16_384).contains(&wanted.width) && (1..=16_384).contains(&wanted.height), "{ask} is {wanted}");
    if let SizeAsk::Ratio(w, h) = ask {
        // 1.x's own sizes for 21:9 and the rounding of extreme shapes are off by a little.
        assert!(same_shape(wanted, Size::new(w * 1000, h * 1000)) || w.max(h) >= 8 * w.min(h), "{ask} is {wanted}");
    }
    match card.sizes.fit(wanted) {
        Some(fitted) => {
            assert!(card.sizes.takes(fitted), "{wanted} came to {fitted}, outside of {:?}", card.sizes);
            assert!(!card.sizes.takes(wanted) || matches!(card.sizes, SizePolicy::Listed(_)) || fitted == wanted);
        }
        None => assert_eq!(card.sizes, SizePolicy::None),
    }
}

/// The documented forms, one by one.
fn slowly(text: &str) -> Result<SizeAsk, SizeError> {
    match text.to_ascii_uppercase().as_str() {
        "1K" | "2K" | "4K" => return Ok(SizeAsk::Tier(u32::from(text.as_bytes()[0] - b'0') * 1024)),
        _ if text.is_empty() || text == "auto" => return Ok(SizeAsk::Auto),
        _ => {}
    }
    let at = text.find([':', 'x', 'X']).filter(|_| text.bytes().all(|byte| b"0123456789:xX".contains(&byte)));
    // A colon anywhere makes it a ratio.
    let at = text.find(':').filter(|_| at.is_some()).or(at).ok_or(SizeError::Form)?;
    let (left, right) = (&text[..at], &text[at + 1..]);
    if [left, right].iter().any(|side| !(1..=5).contains(&side.len()) || side.contains([':', 'x', 'X'])) {
        return Err(SizeError::Form);
    }
    let [w, h] = [left, right].map(|side| side.bytes().fold(0u32, |sum, digit| sum * 10 + u32::from(digit - b'0')));
    let is_ratio = text.as_bytes()[at] == b':';
    let most = if is_ratio { 64 } else { 16_384 };
    if w == 0 || h == 0 || w > most || h > most {
        return Err(SizeError::Range);
    }
    Ok(if is_ratio { SizeAsk::Ratio(w, h) } else { SizeAsk::Exact(Size::new(w, h)) })
}
