//! Pictures of a request made ready for one candidate: once, for all of its exchanges.

use crate::draw::Request;
use crate::hosting::Hosting;
use crate::plan::Candidate;
use ir_model::{Charge, Class, Fault, Gate, Input, Picture};
use ir_platforms::InputForm;
use ir_settings::{HostPort, Settings};
use ir_spool::{Prepared, SpoolError, Wanted};
use std::io::ErrorKind;
use std::time::Duration;
use url::Url;

/// Pictures as a platform takes them.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    pub(crate) pictures: Vec<Input>,
    pub(crate) mask: Option<Picture>,
}

impl Candidate {
    /// The request's pictures, without their metadata and brought within what the platform takes.
    ///
    /// # Errors
    /// What keeps a picture from being sent, naming the parameter. Nothing was sent then.
    pub(crate) async fn ready(&self, request: &Request) -> Result<&Ready, Fault> {
        self.ready.get_or_try_init(|| self.make_ready(request)).await
    }

    async fn make_ready(&self, request: &Request) -> Result<Ready, Fault> {
        let (store, wanted) = (&request.engine.pictures, self.wanted(request));
        let mut ready = Ready::default();
        for (at, input) in request.inputs.iter().enumerate() {
            let masked = request.mask.as_ref().filter(|_| at == 0);
            let prepared = match masked {
                Some(mask) => {
                    let both = store.prepare_with_mask(&input.picture, &mask.picture, &wanted).await;
                    let (prepared, mask) = both.map_err(|error| unfit(self, &error))?;
                    ready.mask = Some(mask.picture);
                    prepared
                }
                None => store.prepare(&input.picture, &wanted).await.map_err(|error| unfit(self, &error))?,
            };
            let url = self.address(request, input, &prepared).await?;
            ready.pictures.push(Input { picture: prepared.picture, url });
        }
        Ok(ready)
    }

    fn wanted(&self, request: &Request) -> Wanted {
        let system = &request.snapshot.settings.system;
        Wanted {
            formats: self.card.input_formats,
            max_bytes: self.card.max_input_bytes,
            max_side: self.card.max_input_side,
            max_pixels: self.card.max_input_pixels,
            min_side: self.card.min_input_side,
            compress_above: megabytes(system.compress_threshold_mb),
            compress_to: megabytes(system.compress_target_mb),
        }
    }

    /// Where the platform can fetch a picture, if it takes addresses: the caller's own as long as it
    /// shows the same picture without anything that was removed, else one that the gateway gives it. A
    /// platform that takes bytes as well gets an address only from the image bed, and bytes when that
    /// fails: whether it can reach the gateway is not known.
    async fn address(&self, request: &Request, input: &Input, prepared: &Prepared) -> Result<Option<String>, Fault> {
        let settings = &request.snapshot.settings;
        let must = match self.card.inputs {
            InputForm::None | InputForm::Bytes => return Ok(None),
            InputForm::UrlOrBytes => false,
            InputForm::Url => true,
        };
        let own = input.url.as_deref().filter(|_| !prepared.changed);
        if let Some(own) = own {
            if !prepared.stripped && !is_private(own, settings) {
                return Ok(Some(own.to_owned()));
            }
            if must && !Hosting::available(settings) {
                tracing::warn!(request_id = %request.id, provider = self.upstream.name(), stripped = prepared.stripped, "a picture is sent by the caller's own address: the gateway has no way to give it another one (imageBed.baseUrl, system.publicBaseUrl)");
                return Ok(Some(own.to_owned()));
            }
        }
        let (engine, picture, deadline) = (&request.engine, &prepared.picture, request.deadline);
        if must {
            return engine.hosting.host(&engine.door, settings, picture, &request.links, deadline).await.map(Some);
        }
        let uploaded = engine.hosting.upload(&engine.door, settings, picture, deadline).await.transpose();
        Ok(uploaded.unwrap_or_else(|fault| {
            tracing::warn!(request_id = %request.id, detail = fault.detail, "the image bed failed: the picture is sent as bytes");
            None
        }))
    }
}

/// Whether an address leads into the operator's own network, which platforms hardly reach.
fn is_private(address: &str, settings: &Settings) -> bool {
    let host = Url::parse(address).ok().as_ref().and_then(HostPort::of);
    host.is_none_or(|host| settings.security.allow_private.contains(&host))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the settings are 0.1 to 64")]
fn megabytes(number: f64) -> u64 {
    (number * 1_000_000.0) as u64
}

fn unfit(candidate: &Candidate, error: &SpoolError) -> Fault {
    let name = candidate.upstream.name();
    let fault = match error {
        SpoolError::Full => Fault::gate(Gate::StorageFull, "The gateway has no disk space left for pictures.", "网关磁盘空间不足。"),
        SpoolError::TooLarge { .. } => Fault::new(Class::InvalidRequest)
            .charged(Charge::No)
            .say(format!("A picture cannot be made small enough for {name}."), format!("图片无法压缩到 {name} 可接受的大小。")),
        SpoolError::Io(error) if error.kind() == ErrorKind::TimedOut => {
            Fault::gate(Gate::Overloaded, "The gateway is busy with pictures. Try again in a moment.", "网关正忙于处理图片，请稍后再试。")
                .retry_after(Some(Duration::from_secs(5)))
        }
        SpoolError::Io(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput) => {
            // Another platform may take it as it is.
            Fault::new(Class::InvalidRequest).charged(Charge::No).say(
                format!("A picture could not be made ready for {name}: it cannot be decoded, or its shape does not fit."),
                format!("图片无法解码或形状不符，不能按 {name} 的要求处理。"),
            )
        }
        SpoolError::Io(_) | SpoolError::Base64 { .. } => Fault::gate(Gate::Internal, "A picture could not be read.", "图片无法读取。"),
    };
    fault.param("image").detail(error.to_string())
}
