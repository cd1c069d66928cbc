//! One kind of picture, drawn over and over: as a link, as base64, as a file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;

use crate::behaviour::{Coding, Flaw, Pictures};
use crate::config::{PictureFormat, PictureSpec};
use crate::drawing::Easel;
use crate::picture::Template;

/// What every picture of an answer has in common.
pub(crate) struct Canvas<'a> {
    easel: &'a Easel,
    pictures: &'a Pictures,
    pub(crate) spec: PictureSpec,
    template: Arc<Template>,
}

impl Easel {
    /// A canvas of this size and format where the simulator follows the request, else of its own.
    pub(crate) fn canvas<'a>(
        &'a self,
        pictures: &'a Pictures,
        size: Option<(u32, u32)>,
        format: Option<PictureFormat>,
    ) -> io::Result<Canvas<'a>> {
        let mut spec = PictureSpec { bytes: pictures.bytes.or(self.spec.bytes), ..self.spec };
        if let Some((width, height)) = size.filter(|_| spec.follow_size) {
            (spec.width, spec.height) = (width, height);
        }
        spec.format = format.unwrap_or(spec.format);
        Ok(Canvas { easel: self, pictures, spec, template: self.studio.template(spec)? })
    }
}

impl Canvas<'_> {
    fn number(&self) -> u64 {
        self.easel.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The address of a new picture: its path tells everything about it.
    pub(crate) fn link(&self) -> String {
        let PictureSpec { bytes, format, width, height, .. } = self.spec;
        let download = self.pictures.download.as_ref().map_or_else(String::new, |line| format!("?sim={line}"));
        let (url, number, bytes, format) = (&self.easel.url, self.number(), bytes.unwrap_or(0), format.name());
        format!("{url}/pic/{number}-{width}x{height}-{bytes}.{format}{download}")
    }

    /// The base64 of a new picture, in pieces that may stand in a JSON string.
    pub(crate) fn base64(&self) -> Vec<Bytes> {
        let (number, pictures) = (self.number(), self.pictures);
        if let Some(flaw) = pictures.flaw {
            return coded(&flawed(flaw, &self.template, number), pictures.coding, self.spec.format);
        }
        match pictures.coding {
            Coding::Plain => self.shared(number),
            Coding::DataUri => [vec![data_uri(self.spec.format)], self.shared(number)].concat(),
            other => coded(&whole(&self.template, number), other, self.spec.format),
        }
    }

    /// The same as one text, before JSON escapes it.
    pub(crate) fn text(&self) -> String {
        // Only a wrapped coding holds a backslash.
        String::from_utf8_lossy(&self.base64().concat()).replace("\\n", "\n")
    }

    /// The file of a new picture.
    pub(crate) fn file(&self) -> Bytes {
        let number = self.number();
        self.pictures.flaw.map_or_else(|| whole(&self.template, number).into(), |flaw| flawed(flaw, &self.template, number))
    }

    fn shared(&self, number: u64) -> Vec<Bytes> {
        vec![STANDARD.encode(self.template.head(number)).into(), self.template.tail_base64.clone()]
    }
}

pub(crate) fn data_uri(format: PictureFormat) -> Bytes {
    format!("data:{};base64,", format.media_type()).into()
}

fn whole(template: &Template, number: u64) -> Vec<u8> {
    let mut file = template.head(number);
    file.extend_from_slice(&template.tail);
    file
}

pub(crate) fn flawed(flaw: Flaw, template: &Template, number: u64) -> Bytes {
    match flaw {
        Flaw::Html => Bytes::from_static(crate::answer::PAGE.as_bytes()),
        Flaw::Svg => Bytes::from_static(b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"),
        Flaw::Json => Bytes::from_static(br#"{"error":{"message":"the picture has expired"}}"#),
        Flaw::Truncated => {
            let mut file = whole(template, number);
            file.truncate(template.len() * 3 / 5);
            file.into()
        }
        Flaw::BadCrc => {
            let mut file = whole(template, number);
            // The last byte of the head is the last of the stamp's CRC.
            let last = file.len() - template.tail.len() - 1;
            file[last] ^= 0xFF;
            file.into()
        }
    }
}

fn coded(file: &[u8], coding: Coding, format: PictureFormat) -> Vec<Bytes> {
    let plain = STANDARD.encode(file);
    vec![match coding {
        Coding::Plain => plain.into(),
        Coding::DataUri => return vec![data_uri(format), plain.into()],
        Coding::UrlSafe => URL_SAFE.encode(file).into(),
        Coding::Unpadded => plain.trim_end_matches('=').to_owned().into(),
        Coding::Wrapped => {
            // `\n` as JSON escapes it.
            let lines: Vec<&str> = plain.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
            lines.join("\\n").into()
        }
        Coding::BadAlphabet => {
            let middle = plain.len() / 2;
            format!("{}*!?{}", &plain[..middle], &plain[middle..]).into()
        }
    }]
}
