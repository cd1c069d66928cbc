//! How many pictures by address one caller may have fetched: each is a request that the gateway
//! makes to wherever the caller says.

use ir_model::{Caller, Fault, Gate, network};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Fetches of one caller under way at once, over all of its requests.
pub(crate) const AT_ONCE: usize = 4;
/// What fetches are counted by.
const WINDOW: Duration = Duration::from_secs(60);
/// Callers that are remembered. Beyond that, those who have nothing in the window are forgotten,
/// and new ones share one account.
const MOST_CALLERS: usize = 4096;

/// Whom fetches are counted for. A relayed key was checked by nobody, so that anybody could come
/// with a new one each time: there the address counts (of IPv6 its /64).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Client(String),
    Address(IpAddr),
    Others,
}

impl Who {
    fn of(caller: &Caller) -> Self {
        match caller {
            Caller::Client(name) => Self::Client(name.clone()),
            Caller::Key(id) => Self::Client(format!("key:{id}")),
            Caller::Relay { peer, .. } => Self::Address(network(*peer)),
        }
    }
}

/// What one caller has fetched.
#[derive(Debug)]
struct Account {
    places: Arc<Semaphore>,
    begun: VecDeque<Instant>,
}

impl Default for Account {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), begun: VecDeque::new() }
    }
}

impl Account {
    fn forget_old(&mut self, now: Instant) {
        while self.begun.front().is_some_and(|begun| now.duration_since(*begun) >= WINDOW) {
            self.begun.pop_front();
        }
    }
}

/// The accounts of all callers.
#[derive(Debug, Default)]
pub(crate) struct Fetches(Mutex<HashMap<Who, Account>>);

/// Leave for some fetches of one request.
#[derive(Debug)]
pub(crate) struct Leave(Arc<Semaphore>);

impl Fetches {
    /// Counts `number` fetches of a request, all or none.
    ///
    /// # Errors
    /// 429 with the time after which there would be room.
    pub(crate) fn enter(&self, caller: &Caller, number: usize, per_minute: usize) -> Result<Leave, Fault> {
        let now = Instant::now();
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut who = Who::of(caller);
        if accounts.len() >= MOST_CALLERS && !accounts.contains_key(&who) {
            accounts.retain(|_, account| {
                account.forget_old(now);
                !account.begun.is_empty()
            });
            if accounts.len() >= MOST_CALLERS {
                who = Who::Others;
            }
        }
        let account = accounts.entry(who).or_default();
        account.forget_old(now);
        let over = (account.begun.len() + number).saturating_sub(per_minute);
        if over > 0 {
            // Room comes when the oldest ones that stand in the way leave the window. More than
            // fits into a minute never fits.
            let gone = account.begun.get(over - 1).map(|begun| WINDOW.saturating_sub(now.duration_since(*begun)));
            return Err(too_many(gone.unwrap_or(WINDOW), per_minute));
        }
        account.begun.extend(std::iter::repeat_n(now, number));
        Ok(Leave(Arc::clone(&account.places)))
    }
}

impl Leave {
    /// Waits for a place for one fetch.
    ///
    /// # Errors
    /// 429 when there was none until `deadline`.
    pub(crate) async fn place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Fault> {
        match timeout_at(deadline, Arc::clone(&self.0).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => {
                let en = format!("Pictures at addresses are fetched {AT_ONCE} at a time for each caller. Try again later.");
                Err(Fault::gate(Gate::RateLimited, en, format!("每个调用方最多同时抓取 {AT_ONCE} 个图片地址，请稍后再试。"))
                    .retry_after(Some(Duration::from_secs(10))))
            }
        }
    }
}

fn too_many(wait: Duration, per_minute: usize) -> Fault {
    Fault::gate(
        Gate::RateLimited,
        format!("At most {per_minute} pictures at addresses are fetched for a caller per minute. Send their bytes, or try again later."),
        format!("每个调用方每分钟最多抓取 {per_minute} 个图片地址，请直接上传图片或稍后再试。"),
    )
    .retry_after(Some(wait.max(Duration::from_secs(1))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir_model::{Class, Secret};

    fn client(name: &str) -> Caller {
        Caller::Client(name.to_owned())
    }

    fn relay(key: &str, peer: &str) -> Caller {
        Caller::Relay { platform: "NewApi", key: Secret::new(key), peer: peer.parse().unwrap() }
    }

    /// Proves R-SSRF-11.
    #[tokio::test(start_paused = true)]
    async fn a_minute_has_room_for_so_many() {
        let fetches = Fetches::default();
        let enter = |caller: &Caller, number| fetches.enter(caller, number, 30).map(drop);
        enter(&client("a"), 16).unwrap();
        tokio::time::advance(Duration::from_secs(20)).await;
        enter(&client("a"), 14).unwrap();
        let full = enter(&client("a"), 1).unwrap_err();
        assert_eq!((full.class, full.retry_after), (Class::Gate(Gate::RateLimited), Some(Duration::from_secs(40))));
        assert_eq!(enter(&client("a"), 17).unwrap_err().retry_after, Some(Duration::from_secs(60)));
        enter(&client("b"), 30).unwrap();
        tokio::time::advance(Duration::from_secs(40)).await;
        enter(&client("a"), 16).unwrap();
        assert!(enter(&client("a"), 1).is_err(), "what was refused was not counted, the rest was");
        assert!(enter(&client("c"), 31).is_err(), "never fits");
    }

    /// A stranger can make up keys, not addresses.
    #[tokio::test(start_paused = true)]
    async fn relayed_callers_are_counted_by_address() {
        let fetches = Fetches::default();
        let enter = |key, peer| fetches.enter(&relay(key, peer), 10, 30).is_ok();
        assert!(enter("sk-1", "203.0.113.9") && enter("sk-2", "::ffff:203.0.113.9") && enter("sk-3", "203.0.113.9"));
        assert!(!enter("sk-4", "203.0.113.9"));
        assert!(enter("sk-4", "203.0.113.10"));
        assert!(enter("sk-1", "2001:db8:1:2::1") && enter("sk-1", "2001:db8:1:2:ffff::") && enter("sk-1", "2001:db8:1:2:3::"));
        assert!(!enter("sk-1", "2001:db8:1:2::9") && enter("sk-1", "2001:db8:1:3::9"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_callers_is_bounded() {
        let fetches = Fetches::default();
        for number in 0..MOST_CALLERS + 100 {
            let _ = fetches.enter(&client(&number.to_string()), 1, 30);
        }
        assert_eq!(fetches.0.lock().unwrap().len(), MOST_CALLERS + 1);
        assert!(fetches.enter(&client("a newcomer"), 1, 30).is_err(), "newcomers share what is left");
        assert!(fetches.enter(&client("5"), 1, 30).is_ok());
        tokio::time::advance(WINDOW).await;
        assert!(fetches.enter(&client("a newcomer"), 1, 30).is_ok());
        assert_eq!(fetches.0.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn four_are_under_way_at_once() {
        let fetches = Fetches::default();
        let (first, second) = (fetches.enter(&client("a"), 8, 30).unwrap(), fetches.enter(&client("a"), 8, 30).unwrap());
        let soon = || Instant::now() + Duration::from_secs(1);
        let mut places = Vec::new();
        for leave in [&first, &second, &first, &second] {
            places.push(leave.place(soon()).await.unwrap());
        }
        assert_eq!(first.place(soon()).await.unwrap_err().class, Class::Gate(Gate::RateLimited));
        places.pop();
        assert!(second.place(soon()).await.is_ok());
    }
}
