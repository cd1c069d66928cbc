//! What a caller asks for, and what a platform is asked to draw.

use crate::ids::KeyId;
use crate::node::Map;
use crate::picture::{Format, Input, Picture};
use crate::secret::Secret;
use crate::size::{Size, SizeAsk};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The three ways to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Task {
    /// Prompt to picture.
    Text,
    /// Picture and instruction to picture.
    Edit,
    /// Several pictures and an instruction to picture.
    Blend,
}

impl Task {
    /// All tasks.
    pub const ALL: [Self; 3] = [Self::Text, Self::Edit, Self::Blend];

    /// The name in the configuration file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Edit => "edit",
            Self::Blend => "blend",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// In which form the caller wants pictures back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseForm {
    /// An address.
    Url,
    /// Base64.
    Base64,
}

/// OpenAI's `quality`, old names included; the field's spelling is [`Quality::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are OpenAI's own values")]
pub enum Quality {
    Auto,
    Standard,
    Hd,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

impl Quality {
    /// All values.
    pub const ALL: [Self; 8] = [Self::Auto, Self::Standard, Self::Hd, Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max];

    /// The value on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Standard => "standard",
            Self::Hd => "hd",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

/// OpenAI's `background`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are OpenAI's own values")]
pub enum Background {
    Transparent,
    Opaque,
    Auto,
}

impl Background {
    /// The value on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transparent => "transparent",
            Self::Opaque => "opaque",
            Self::Auto => "auto",
        }
    }
}

/// Optional wishes that a platform may or may not honour. `None`: not asked for.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// OpenAI's quality.
    pub quality: Option<Quality>,
    /// `vivid` or `natural`.
    pub style: Option<String>,
    /// OpenAI's background.
    pub background: Option<Background>,
    /// The format to draw in.
    pub output_format: Option<Format>,
    /// 0–100, for JPEG and WebP.
    pub output_compression: Option<u8>,
    /// `low` or `auto`.
    pub moderation: Option<String>,
    /// `high` or `low`.
    pub input_fidelity: Option<String>,
    /// The end user's name, passed on for abuse tracing.
    pub user: Option<String>,
    /// 0 ≤ seed < 2⁶³.
    pub seed: Option<u64>,
    /// Sampling steps, 1–100.
    pub steps: Option<u32>,
    /// Guidance scale, 0–100.
    pub guidance_scale: Option<f64>,
    /// What not to draw.
    pub negative_prompt: Option<String>,
    /// Previews wanted while a picture is drawn, 0–3. Of a job: only where it can be told which picture
    /// they are of.
    pub partial_images: u32,
    /// Fields that we do not know, for platforms that take extra parameters. At most 64.
    pub unknown: Map,
}

/// One request of a caller, parsed and bounded: `n` 1–16, at most 16 pictures.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Which way to draw.
    pub task: Task,
    /// The model as the caller named it; empty, `auto` and `default` mean "choose for me".
    pub model: String,
    /// What to draw.
    pub prompt: String,
    /// How many; `None`: the platform's configured count.
    pub n: Option<u32>,
    /// How large.
    pub size: SizeAsk,
    /// Pictures to edit or blend, in order.
    pub pictures: Vec<AskPicture>,
    /// Where to edit.
    pub mask: Option<AskPicture>,
    /// In which form the pictures are wanted.
    pub form: ResponseForm,
    /// Further wishes.
    pub extras: Extras,
}

/// A picture as the caller gave it.
#[derive(Clone, Debug)]
pub enum AskPicture {
    /// Its bytes came with the request.
    Here(Picture),
    /// An address: fetched once, through egress, before anything is drawn.
    Url(String),
}

/// What callers that nobody has checked are counted by: their address, of IPv6 the /64 that one of them
/// is given as a whole. An IPv4 address that is written as IPv6 is the same one.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// Who asks, as established from the credential. Decided in one place (`ir_engine::identify`).
#[derive(Clone, Debug)]
pub enum Caller {
    /// Brought a platform's own key: the request goes to that platform with that key.
    Relay {
        /// The platform whose key format matched.
        platform: &'static str,
        /// The caller's key.
        key: Secret,
        /// Where the request came from. A key that nobody has checked names nobody: what such
        /// callers may do is counted by address.
        peer: IpAddr,
    },
    /// Known by a gateway key; draws on the pools. The text names the client in logs.
    Client(String),
    /// Known by a client key of this id; draws on the pools, within what the key allows.
    Key(String),
}

/// What one exchange with a platform is to draw. Everything is settled: adapters only write it
/// down in the platform's words.
#[derive(Clone, Debug)]
pub struct Job {
    /// Which way to draw.
    pub task: Task,
    /// The platform's own model id.
    pub model: String,
    /// What to draw.
    pub prompt: String,
    /// How many pictures this exchange must give (≤ the card's native n).
    pub n: u32,
    /// How large, already brought within the card's size policy; `None`: platform default.
    pub size: Option<Size>,
    /// Pictures to edit or blend, in order.
    pub pictures: Vec<Input>,
    /// Where to edit; only if the card takes masks.
    pub mask: Option<Picture>,
    /// The form that the caller wants; platforms that can give both may save work by it.
    pub form: ResponseForm,
    /// Further wishes.
    pub extras: Extras,
    /// The platform's base address (default or configured), without a trailing `/`.
    pub base_url: String,
    /// The key to use; `None` for platforms that may run without.
    pub key: Option<Secret>,
    /// Names the key in logs.
    pub key_id: Option<KeyId>,
    /// Random, for platforms that want a seed and none was asked for.
    pub entropy: u64,
    /// The platform's own address, without a trailing `/`. Differs from `base_url` only where every
    /// model has a server of its own.
    pub home: String,
    /// Whether the picture may bear the platform's mark, where the platform leaves the choice.
    pub watermark: bool,
}

/// A picture that was drawn, as the answer needs it.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// Its bytes. `None`: the platform gave an address that could not be fetched.
    pub picture: Option<Picture>,
    /// Its name in `/storage/<name>`. `None`: it is not stored; this answer is all there is of it.
    pub name: Option<String>,
    /// The platform's address of it, if it gave one.
    pub url: Option<String>,
    /// The prompt that was used, when it is not the caller's.
    pub revised_prompt: Option<String>,
}
