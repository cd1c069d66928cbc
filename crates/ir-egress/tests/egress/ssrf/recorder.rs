//! A way out that records what it would resolve and dial, with a scripted front before it.

use crate::support::{Bench, bench};
use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, header};
use ir_egress::{Dial, EgressParts, EgressWire, Link, Refusals, Resolver, Rules, Wire, WireBody, WireFault, WireReply, WireRequest};
use rustls::RootCertStore;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

/// Records every address that is about to be dialled, and dials none.
#[derive(Default)]
pub(crate) struct Dials(Mutex<Vec<SocketAddr>>);

impl Dials {
    pub(crate) fn take(&self) -> Vec<SocketAddr> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl Dial for Dials {
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Link>> {
        self.0.lock().unwrap().push(address);
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

type Answers = dyn Fn(&str, usize) -> Vec<IpAddr> + Send + Sync;

/// Resolves by a function of the name and the number of the lookup, counted from 0.
pub(crate) struct Lookups {
    answers: Box<Answers>,
    seen: Mutex<Vec<(String, Vec<IpAddr>)>>,
}

impl Lookups {
    pub(crate) fn new(answers: impl Fn(&str, usize) -> Vec<IpAddr> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { answers: Box::new(answers), seen: Mutex::default() })
    }

    /// No name is known.
    pub(crate) fn none() -> Arc<Self> {
        Self::new(|_, _| Vec::new())
    }

    /// The names that were looked up since the last call, with what was answered.
    pub(crate) fn take(&self) -> Vec<(String, Vec<IpAddr>)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

#[async_trait]
impl Resolver for Lookups {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut seen = self.seen.lock().unwrap();
        let answers = (self.answers)(name, seen.len());
        seen.push((name.to_owned(), answers.clone()));
        if answers.is_empty() { Err(io::Error::other("no such name")) } else { Ok(answers) }
    }
}

/// The host that redirects, and is not judged.
pub(crate) const FRONT: &str = "front.example";

/// Answers for [`FRONT`] with a chain of redirects, and hands everything else to the real way out.
pub(crate) struct Front {
    pub(crate) real: EgressWire,
    /// Status, number of redirects, and where the last one leads.
    chain: Mutex<(u16, usize, HeaderValue)>,
    /// The headers of requests that came to the front.
    pub(crate) heads: Mutex<Vec<HeaderMap>>,
}

impl Front {
    /// From now on: so many redirects, the last one to this place.
    pub(crate) fn leads(&self, status: u16, hops: usize, to: HeaderValue) {
        *self.chain.lock().unwrap() = (status, hops, to);
        self.heads.lock().unwrap().clear();
    }
}

#[async_trait]
impl Wire for Front {
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        if request.url.host_str() != Some(FRONT) {
            return self.real.send(request).await;
        }
        self.heads.lock().unwrap().push(request.headers);
        let (status, hops, last) = self.chain.lock().unwrap().clone();
        let hop = request.url.path().strip_prefix("/hop/").and_then(|number| number.parse::<usize>().ok());
        let location = match hop {
            Some(hop) if hop < hops => HeaderValue::try_from(format!("{}://{FRONT}/hop/{}", request.url.scheme(), hop + 1)).unwrap(),
            Some(_) | None => last,
        };
        let headers = HeaderMap::from_iter([(header::LOCATION, location)]);
        Ok(WireReply { status, headers, body: WireBody::scripted([]) })
    }

    fn refusals(&self) -> Option<Arc<Refusals>> {
        self.real.refusals()
    }
}

/// A door over all of this.
pub(crate) struct Rig {
    pub(crate) bench: Bench,
    pub(crate) front: Arc<Front>,
    pub(crate) names: Arc<Lookups>,
    pub(crate) dials: Arc<Dials>,
}

impl Rig {
    pub(crate) fn new(rules: Rules, names: Arc<Lookups>) -> Self {
        let dials = Arc::new(Dials::default());
        let dialer = Arc::clone(&dials) as Arc<dyn Dial>;
        Self::over(rules, names, dials, dialer)
    }

    /// With another dialer in place of the recording one.
    pub(crate) fn over(rules: Rules, names: Arc<Lookups>, dials: Arc<Dials>, dialer: Arc<dyn Dial>) -> Self {
        let resolver = Arc::clone(&names) as Arc<dyn Resolver>;
        let real = EgressWire::with_parts(rules, EgressParts { resolver, dialer, roots: RootCertStore::empty() });
        let chain = Mutex::new((302, 1, HeaderValue::from_static("/")));
        let front = Arc::new(Front { real, chain, heads: Mutex::default() });
        Self { bench: bench(Arc::clone(&front) as Arc<dyn Wire>), front, names, dials }
    }

    /// How many destinations were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.bench.door.refusals().counts().iter().map(|(_, _, number)| number).sum()
    }
}
