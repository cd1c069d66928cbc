//! Colours and motifs, chosen by what a prompt speaks of, else by its hash.

use super::canvas::Rgb;
use super::chance::hash;

/// Five colours that go together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    /// The sky at the top.
    pub(super) top: Rgb,
    /// The sky at the horizon.
    pub(super) low: Rgb,
    /// The sun, and light as such.
    pub(super) sun: Rgb,
    /// What is far away.
    pub(super) far: Rgb,
    /// What is near: the darkest.
    pub(super) near: Rgb,
    /// It is night.
    pub(super) stars: bool,
}

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Motif {
    /// Ridges behind ridges.
    Mountains,
    /// Ridges above still water.
    Lake,
    /// Layers of cut paper.
    Paper,
}

/// Words that lead to a palette, and its colours from the sky down.
struct Row(&'static [&'static str], [u32; 5], bool);

static PALETTES: &[Row] = &[
    Row(&["night", "moon", "star", "space", "夜", "月", "星", "宇宙"], [0x050B24, 0x24457A, 0xF3F1DC, 0x2A4A7B, 0x060D22], true),
    Row(&["aurora", "magic", "dream", "极光", "梦", "魔法"], [0x04102B, 0x1FA38A, 0xD8FFF0, 0x1C5D72, 0x051A2C], true),
    Row(&["neon", "cyber", "city", "robot", "霓虹", "赛博", "城市", "机器"], [0x2B0A4A, 0xFF4FA3, 0xFFE06B, 0x8B2FC9, 0x16052E], true),
    Row(&["sunset", "dusk", "evening", "fire", "夕阳", "日落", "黄昏", "火"], [0x3A1C71, 0xFF7E5F, 0xFFD89B, 0xA4497D, 0x24103F], false),
    Row(&["snow", "winter", "ice", "white", "雪", "冬", "冰", "白"], [0x8FA6BF, 0xF2F6FA, 0xFFFFFF, 0xA9BCD0, 0x2C3E54], false),
    Row(
        &["forest", "tree", "green", "garden", "grass", "森林", "树", "绿", "草"],
        [0x9BD3C2, 0xF3F7DC, 0xFFFBE6, 0x7FB69A, 0x123B2E],
        false,
    ),
    Row(&["sea", "ocean", "lake", "blue", "water", "海", "湖", "蓝", "水"], [0x1C6EA4, 0xBDEBF2, 0xFFFFFF, 0x5FA8C7, 0x0B3554], false),
    Row(&["desert", "sand", "orange", "沙漠", "橙"], [0xF7A95C, 0xFFE8C2, 0xFFF6E0, 0xE58B57, 0x6B2D2A], false),
    Row(&["fox", "autumn", "fall", "gold", "yellow", "狐", "秋", "金", "黄"], [0xF2B84B, 0xFFF0C9, 0xFFFDF2, 0xD9763B, 0x4A1F14], false),
    Row(&["flower", "rose", "pink", "red", "love", "花", "粉", "红", "爱"], [0xF98C9A, 0xFFE3E0, 0xFFFFFF, 0xE27B93, 0x5C1F43], false),
    Row(&["purple", "violet", "lavender", "紫"], [0x6D5BD0, 0xE9D7FF, 0xFFF7FF, 0x9B86D9, 0x2B1F5C], false),
    Row(&["dawn", "morning", "sky", "cloud", "晨", "早", "天空", "云"], [0x5B6EE1, 0xFFC3A0, 0xFFF1D6, 0xB98BC9, 0x2E2157], false),
];

static MOTIFS: &[(&[&str], Motif)] = &[
    (&["sea", "ocean", "lake", "river", "water", "boat", "海", "湖", "河", "江", "水", "船"], Motif::Lake),
    (&["abstract", "pattern", "paper", "logo", "icon", "wave", "抽象", "图案", "剪纸", "波"], Motif::Paper),
    (&["mountain", "hill", "forest", "valley", "landscape", "山", "森林", "谷", "风景"], Motif::Mountains),
];

/// Whether a text speaks of a word: Latin words as such (a plural s allowed), others anywhere.
fn speaks_of(words: &[&str], text: &str, list: &[&str]) -> bool {
    list.iter().any(|word| {
        if word.is_ascii() { words.iter().any(|found| found == word || found.strip_suffix('s') == Some(word)) } else { text.contains(word) }
    })
}

/// The palette and motif of a prompt.
pub(super) fn choose(prompt: &str) -> (Palette, Motif) {
    let text = prompt.to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let spread = hash(prompt);
    let pick = |count: usize, bits: u64| usize::try_from(bits % count as u64).expect("invariant: below the count");
    let row = PALETTES.iter().find(|row| speaks_of(&words, &text, row.0));
    let row = row.unwrap_or(&PALETTES[pick(PALETTES.len(), spread)]);
    let [top, low, sun, far, near] = row.1.map(rgb);
    let motif = MOTIFS.iter().find(|(list, _)| speaks_of(&words, &text, list)).map(|(_, motif)| *motif);
    let motif = motif.unwrap_or([Motif::Mountains, Motif::Lake, Motif::Paper][pick(3, spread >> 32)]);
    (Palette { top, low, sun, far, near, stars: row.2 }, motif)
}

fn rgb(hex: u32) -> Rgb {
    let [_, red, green, blue] = hex.to_be_bytes();
    [red, green, blue].map(f32::from)
}
