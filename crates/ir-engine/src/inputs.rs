//! Pictures that callers gave: fetched once, checked, made ready for jobs.

use crate::engine::{Engine, limits};
use futures_util::{StreamExt, stream};
use ir_egress::{ExchangeLimits, Purpose, Timing};
use ir_model::{AskPicture, Class, Fault, Gate, Input, Picture};
use std::time::Duration;
use tokio::time::Instant;

/// Pictures of one request that are fetched at the same time (`07-security.md`, rule 7).
const AT_ONCE: usize = 4;
/// All of a caller's addresses must have been fetched by then.
const FETCH_TOTAL: Duration = Duration::from_secs(30);

/// Fetches what was given as addresses. The order is kept.
///
/// # Errors
/// `url_not_allowed`, `image_url_unreachable` or what is wrong with the bytes, naming the parameter.
pub(crate) async fn gather(engine: &Engine, pictures: &[AskPicture], param: &str, deadline: Instant) -> Result<Vec<Input>, Fault> {
    let limits = limits(Timing::user_url(), deadline.min(Instant::now() + FETCH_TOTAL));
    let fetches: Vec<_> = pictures.iter().map(|given| one(engine, given, &limits)).collect();
    let fetched: Vec<Result<Input, Fault>> = stream::iter(fetches).buffered(AT_ONCE).collect().await;
    fetched.into_iter().collect::<Result<_, _>>().map_err(|fault| fault.param(param))
}

async fn one(engine: &Engine, given: &AskPicture, limits: &ExchangeLimits) -> Result<Input, Fault> {
    match given {
        AskPicture::Here(picture) => Ok(Input { picture: picture.clone(), url: None }),
        AskPicture::Url(url) => {
            let picture = match own_name(engine, url) {
                Some(name) => stored(engine, name).await?,
                None => engine.door.download(url, Purpose::UserUrl, limits).await?,
            };
            Ok(Input { picture, url: Some(url.clone()) })
        }
    }
}

/// The name behind one of the gateway's own links. Such a picture is at hand, and its address is often
/// one that nobody may be sent to.
fn own_name<'a>(engine: &Engine, url: &'a str) -> Option<&'a str> {
    let snapshot = engine.snapshot();
    let base = snapshot.settings.system.public_base_url.as_ref()?.as_str().trim_end_matches('/');
    let name = url.strip_prefix(base)?.strip_prefix("/storage/")?;
    (!name.is_empty() && !name.contains(['/', '?', '#'])).then_some(name)
}

async fn stored(engine: &Engine, name: &str) -> Result<Picture, Fault> {
    let found = engine.stored(name).await.map_err(|error| Fault::new(Class::Gate(Gate::Internal)).detail(error))?;
    found.ok_or_else(|| Fault::new(Class::Gate(Gate::ImageUrlUnreachable)).detail("no stored picture has this name"))
}
