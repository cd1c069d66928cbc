//! Fakes for the tests of this crate.

use ir_model::{Blob, Extras, Flaw, Format, Input, Job, Picture, Probe, ResponseForm, Secret, Size, Spooled, Task};
use std::sync::Arc;

/// Bytes that exist only as a header's word.
#[derive(Debug)]
struct Fake(Probe, u64);

impl Spooled for Fake {
    fn size(&self) -> u64 {
        self.1
    }
    fn probe(&self) -> Result<Probe, Flaw> {
        Ok(self.0)
    }
    fn sha256(&self) -> [u8; 32] {
        [7; 32]
    }
}

pub(crate) fn blob(format: Format, width: u32, height: u32) -> Blob {
    Blob::new(Arc::new(Fake(Probe { format, size: Size::new(width, height), alpha: false }, 4711)))
}

pub(crate) fn picture(format: Format, width: u32, height: u32) -> Picture {
    Picture::from_blob(blob(format, width, height)).expect("a fake is whole")
}

pub(crate) fn input(format: Format) -> Input {
    Input { picture: picture(format, 640, 480), url: Some("https://pictures.example/in".to_owned()) }
}

/// The least that a platform must be able to draw.
pub(crate) fn job(task: Task) -> Job {
    Job {
        task,
        model: "a-model".to_owned(),
        prompt: "a red fox".to_owned(),
        n: 1,
        size: None,
        pictures: match task {
            Task::Text => vec![],
            Task::Edit => vec![input(Format::Png)],
            Task::Blend => vec![input(Format::Png), input(Format::Jpeg)],
        },
        mask: None,
        form: ResponseForm::Url,
        extras: Extras::default(),
        base_url: "https://relay.example/v1".to_owned(),
        key: Some(Secret::new(KEY)),
        key_id: None,
        entropy: 99,
        home: "https://hub.example".to_owned(),
        watermark: true,
    }
}

/// A key that must never show.
pub(crate) const KEY: &str = "sk-newapi-do-not-show-this-0123456789";
