//! The ways that an address takes into the gateway.

use super::recorder::{FRONT, Rig};
use crate::support::{AMPLE, get, limits};
use http::HeaderValue;
use ir_egress::{Bucket, BucketConfig, BucketStyle, Object, Purpose, Wire};
use ir_model::Secret;
use ir_platforms::{Call, CallBody, HeaderValue as CallHeader, Method, Target};
use std::net::{IpAddr, SocketAddr};
use url::Url;

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vector {
    /// A picture's address in a caller's request.
    CallersUrl,
    /// Where a caller's address redirects to, after so many redirects.
    CallersRedirect(usize),
    /// Where a platform says that its picture lies.
    PlatformsUrl,
    /// Where such an address redirects to.
    PlatformsRedirect(usize),
    /// A platform's base address: a drawing.
    Provider,
    /// The optimizer's base address: a chat.
    Optimizer,
    /// A base address that the operator tries out: a list of models.
    Trial,
    /// The endpoint of the bucket.
    Storage,
    /// The gateway's own probe of an address.
    Admin,
    /// A caller's webhook.
    CallersWebhook,
    /// The operator's webhook.
    OwnWebhook,
}

impl Vector {
    pub(crate) const ALL: [Self; 15] = [
        Self::CallersUrl,
        Self::CallersRedirect(1),
        Self::CallersRedirect(2),
        Self::CallersRedirect(3),
        Self::PlatformsUrl,
        Self::PlatformsRedirect(1),
        Self::PlatformsRedirect(2),
        Self::PlatformsRedirect(3),
        Self::Provider,
        Self::Optimizer,
        Self::Trial,
        Self::Storage,
        Self::Admin,
        Self::CallersWebhook,
        Self::OwnWebhook,
    ];

    /// Nobody vouches for the address.
    pub(crate) fn is_strangers(self) -> bool {
        match self {
            Self::CallersUrl | Self::CallersRedirect(_) | Self::PlatformsUrl | Self::PlatformsRedirect(_) | Self::CallersWebhook => true,
            Self::Provider | Self::Optimizer | Self::Trial | Self::Storage | Self::Admin | Self::OwnWebhook => false,
        }
    }

    fn redirects(self) -> usize {
        match self {
            Self::CallersRedirect(hops) | Self::PlatformsRedirect(hops) => hops,
            _ => 0,
        }
    }

    /// Whether the text can come this way, and means an address of its own: a redirect's may be
    /// relative to where it stands, and stands in a header.
    pub(crate) fn carries(self, text: &str) -> bool {
        if self.redirects() == 0 {
            return true;
        }
        let base = Url::parse(&format!("http://{FRONT}/hop/1")).unwrap();
        let relative = Url::parse(text) == Err(url::ParseError::RelativeUrlWithoutBase)
            || base.join(text).is_ok_and(|url| url.host_str() == Some(FRONT));
        !relative && HeaderValue::from_bytes(text.as_bytes()).is_ok()
    }

    /// Sends a text this way, and sees what would be looked up and dialled.
    pub(crate) async fn drive(self, rig: &Rig, text: &str) -> Seen {
        let before = rig.refused();
        let came = self.send(rig, text).await;
        Seen { came, refused: rig.refused() - before, lookups: rig.names.take(), dials: rig.dials.take() }
    }

    pub(crate) async fn send(self, rig: &Rig, text: &str) -> bool {
        let door = &rig.bench.door;
        match self {
            Self::CallersUrl => door.download(text, Purpose::UserUrl, &limits()).await.is_ok(),
            Self::PlatformsUrl => door.download(text, Purpose::Drawn, &limits()).await.is_ok(),
            Self::CallersRedirect(hops) | Self::PlatformsRedirect(hops) => {
                let purpose = if matches!(self, Self::CallersRedirect(_)) { Purpose::UserUrl } else { Purpose::Drawn };
                rig.front.leads(302, hops, HeaderValue::from_bytes(text.as_bytes()).unwrap());
                door.download(&format!("http://{FRONT}/hop/1"), purpose, &limits()).await.is_ok()
            }
            Self::Provider => door.exchange(&call(Method::Post, text), &limits()).await.is_ok(),
            Self::Optimizer => door.exchange(&call(Method::Post, text).harmless(), &limits()).await.is_ok(),
            Self::Trial => door.exchange(&call(Method::Get, text), &limits()).await.is_ok(),
            Self::Storage => match bucket(rig, text) {
                None => false,
                Some(bucket) => bucket.put("x", Object::from_bytes(b"canary".to_vec(), "image/png")).await.is_ok(),
            },
            Self::Admin => match Url::parse(text) {
                Err(_) => false,
                Ok(url) => rig.front.send(get(url.as_str(), Purpose::Admin, AMPLE)).await.is_ok(),
            },
            Self::CallersWebhook => door.post(text, Purpose::UserUrl, Vec::new(), "{}".to_owned()).await.is_ok(),
            Self::OwnWebhook => door.post(text, Purpose::Provider, Vec::new(), "{}".to_owned()).await.is_ok(),
        }
    }
}

/// What a text came to.
#[derive(Debug)]
pub(crate) struct Seen {
    /// There was an answer.
    pub(crate) came: bool,
    /// Refusals that were noted.
    pub(crate) refused: u64,
    pub(crate) lookups: Vec<(String, Vec<IpAddr>)>,
    pub(crate) dials: Vec<SocketAddr>,
}

impl Seen {
    /// Nothing was asked of anybody.
    pub(crate) fn is_silent(&self) -> bool {
        !self.came && self.lookups.is_empty() && self.dials.is_empty()
    }
}

pub(crate) fn call(method: Method, url: &str) -> Call {
    let headers = vec![("authorization", CallHeader::Bearer(Secret::new("sk-canary-0123456789")))];
    let body = match method {
        Method::Get => CallBody::None,
        Method::Post => CallBody::Json(serde_json::json!({"prompt": "a cat"}).into()),
    };
    Call::new(Target::Http { method, url: url.to_owned(), headers }, body)
}

/// `None`: no bucket can be there.
fn bucket(rig: &Rig, endpoint: &str) -> Option<Bucket> {
    let config = BucketConfig {
        endpoint: Url::parse(endpoint).ok()?,
        bucket: "pictures".to_owned(),
        access_key: "AKID".to_owned(),
        secret_key: Secret::new("canary-of-the-secret-key"),
        region: "auto".to_owned(),
        style: BucketStyle::Path,
        prefix: None,
    };
    Bucket::new(&rig.bench.door, config).ok()
}
