//! Public addresses for pictures that came as bytes, for platforms that take nothing else: an image
//! bed when one is configured, else, or when it fails, a link to the gateway itself.

mod bed;
mod links;

pub use links::Links;

use crate::memory::Memory;
pub(crate) use bed::Bed;
use ir_egress::Door;
use ir_model::{Charge, Class, Clock, Dice, Fault, Picture, Timestamp};
use ir_settings::Settings;
use links::Table;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Uploads that are remembered, the bytes of their addresses, and for how long: image beds may delete.
const UPLOADS: usize = 1024;
const UPLOAD_BYTES: usize = 1024 * 1024;
const UPLOADED_FOR: Duration = Duration::from_secs(3600);

/// Gives pictures public addresses.
pub struct Hosting {
    uploads: Memory,
    table: Arc<Table>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Hosting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosting").field("table", &self.table).finish_non_exhaustive()
    }
}

impl Hosting {
    /// A hosting whose links are signed with a key of its own: links end with the process.
    pub fn new(clock: Arc<dyn Clock>, dice: Arc<dyn Dice>) -> Self {
        Self { uploads: Memory::new(UPLOADS, UPLOAD_BYTES, UPLOADED_FOR), table: Arc::new(Table::new(dice)), clock }
    }

    /// Whether pictures can be given addresses at all.
    pub fn available(settings: &Settings) -> bool {
        settings.image_bed.base_url.is_some() || settings.system.public_base_url.is_some()
    }

    /// The links of one request: they work until this is dropped.
    pub fn links(&self) -> Links {
        Links::new(Arc::clone(&self.table))
    }

    /// A public address for a picture. A picture that was hosted before is not uploaded again: on the
    /// image bed for an hour, by a link within its request. When the bed fails, a link stands in.
    ///
    /// # Errors
    /// `InvalidRequest` naming `image` when neither is configured; `UpstreamFault` or `Timeout` when
    /// the image bed fails and links are not configured, `Gate::Overloaded` when too many links are
    /// open. Never charged: nothing was sent to the platform.
    pub async fn host(
        &self,
        door: &Door,
        settings: &Settings,
        picture: &Picture,
        links: &Links,
        deadline: Instant,
    ) -> Result<String, Fault> {
        let failed = match self.upload(door, settings, picture, deadline).await {
            Some(Ok(url)) => return Ok(url),
            Some(Err(fault)) => Some(fault),
            None => None,
        };
        let Some(base) = &settings.system.public_base_url else { return Err(failed.unwrap_or_else(nowhere)) };
        if let Some(fault) = failed {
            tracing::warn!(detail = fault.detail, "the image bed failed: the platform gets a link to the gateway");
        }
        links.link(base, picture, self.clock.now())
    }

    /// The address of a picture on the image bed; `None` when there is no bed.
    ///
    /// # Errors
    /// `UpstreamFault` or `Timeout` when the bed fails. Never charged.
    pub async fn upload(&self, door: &Door, settings: &Settings, picture: &Picture, deadline: Instant) -> Option<Result<String, Fault>> {
        let bed = Bed::of(&settings.image_bed)?;
        let key = bed.key(picture);
        if let Some(known) = self.uploads.get(&key) {
            return Some(Ok(known));
        }
        let uploaded = bed.upload(door, picture, deadline).await;
        if let Ok(url) = &uploaded {
            self.uploads.put(key, url.clone());
        }
        Some(uploaded)
    }

    /// The picture behind a link, by the parts of its path `/inputs/{id}/{expiry}/{tail}`: the
    /// signature is the credential. None when anything is wrong with it.
    pub fn open(&self, id: &str, expiry: &str, tail: &str, now: Timestamp) -> Option<Picture> {
        self.table.open(id, expiry, tail, now)
    }
}

/// There is no way to give a picture an address.
fn nowhere() -> Fault {
    Fault::new(Class::InvalidRequest).charged(Charge::No).param("image").say(
        "This platform takes only addresses of pictures, and the gateway has no way to give one to a picture that was sent as bytes. Send \
         'image' as an http(s) URL, or let the operator set imageBed.baseUrl or system.publicBaseUrl.",
        "该平台只接受图片网址，而网关无法为以字节上传的图片提供网址。请把 image 改为 http(s) 网址，或请管理员设置 imageBed.baseUrl 或 system.publicBaseUrl。",
    )
}
