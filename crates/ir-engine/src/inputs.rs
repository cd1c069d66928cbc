//! Pictures that callers gave: fetched once, checked, made ready for jobs.

use crate::draw::client_name;
use crate::engine::{Engine, limits};
use crate::fetches::{AT_ONCE, Leave};
use futures_util::{StreamExt, stream};
use ir_egress::{ExchangeLimits, Purpose, Timing};
use ir_model::{AskPicture, Caller, Class, Fault, Gate, Input, Picture, RequestId};
use std::time::Duration;
use tokio::time::Instant;

/// All of a caller's addresses must have been fetched by then.
const FETCH_TOTAL: Duration = Duration::from_secs(30);

/// Where the bytes of a picture are.
enum Found<'a> {
    Here(&'a Picture),
    /// In the gateway's own storage, under this name.
    Stored {
        url: &'a str,
        name: &'a str,
    },
    /// Somewhere else.
    Away {
        url: &'a str,
    },
}

/// Fetches what was given as addresses. The order is kept.
///
/// # Errors
/// `url_not_allowed`, `image_url_unreachable` or what is wrong with the bytes, naming the parameter;
/// `rate_limit_exceeded` when the caller has had too much fetched.
pub(crate) async fn gather(
    engine: &Engine,
    caller: &Caller,
    id: &RequestId,
    pictures: &[AskPicture],
    param: &str,
    deadline: Instant,
) -> Result<Vec<Input>, Fault> {
    let limits = limits(Timing::user_url(), deadline.min(Instant::now() + FETCH_TOTAL));
    let snapshot = engine.snapshot();
    let base = snapshot.settings.system.public_base_url.as_ref().map(|base| base.as_str().trim_end_matches('/'));
    let found: Vec<Found<'_>> = pictures.iter().map(|given| find(given, base)).collect();
    let away = found.iter().filter(|found| matches!(found, Found::Away { .. })).count();
    let leave = match away {
        0 => None,
        number => Some(engine.fetches.enter(caller, number, snapshot.settings.limits.url_fetches_per_minute)?),
    };
    let fetches: Vec<_> = found.iter().map(|found| one(engine, found, leave.as_ref(), &limits)).collect();
    let fetched: Vec<Result<Input, Fault>> = stream::iter(fetches).buffered(AT_ONCE).collect().await;
    fetched.into_iter().collect::<Result<_, _>>().map_err(|fault| {
        tracing::info!(request_id = %id, client = client_name(caller), class = fault.class.name(), detail = fault.detail, "a picture at a caller's address cannot be used");
        fault.param(param)
    })
}

fn find<'a>(given: &'a AskPicture, base: Option<&str>) -> Found<'a> {
    match given {
        AskPicture::Here(picture) => Found::Here(picture),
        AskPicture::Url(url) => match base.and_then(|base| own_name(base, url)) {
            Some(name) => Found::Stored { url, name },
            None => Found::Away { url },
        },
    }
}

async fn one(engine: &Engine, found: &Found<'_>, leave: Option<&Leave>, limits: &ExchangeLimits) -> Result<Input, Fault> {
    match found {
        Found::Here(picture) => Ok(Input { picture: (*picture).clone(), url: None }),
        Found::Stored { url, name } => Ok(Input { picture: stored(engine, name).await?, url: Some((*url).to_owned()) }),
        Found::Away { url } => {
            let _place = match leave {
                Some(leave) => Some(leave.place(limits.deadline).await?),
                None => None,
            };
            let picture = engine.door.download(url, Purpose::UserUrl, limits).await?;
            Ok(Input { picture, url: Some((*url).to_owned()) })
        }
    }
}

/// The name behind one of the gateway's own links. Such a picture is at hand, and its address is often
/// one that nobody may be sent to.
fn own_name<'a>(base: &str, url: &'a str) -> Option<&'a str> {
    let name = url.strip_prefix(base)?.strip_prefix("/storage/")?;
    (!name.is_empty() && !name.contains(['/', '?', '#'])).then_some(name)
}

async fn stored(engine: &Engine, name: &str) -> Result<Picture, Fault> {
    let found = engine.stored(name).await.map_err(|error| Fault::new(Class::Gate(Gate::Internal)).detail(error))?;
    found.ok_or_else(|| Fault::new(Class::Gate(Gate::ImageUrlUnreachable)).detail("no stored picture has this name"))
}
