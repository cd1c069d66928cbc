//! What callers were promised, what platforms were asked, and whether both agree.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::client;
use super::dice::Dice;
use super::gateway::Gateway;
use super::work::hash;
use crate::ledger::{Entry, Outcome};

/// Wrongs that are told in full.
const MOST_TOLD: usize = 20;
/// How well the clocks of two platforms' ledgers agree, in milliseconds.
const CLOCKS: u64 = 5;
/// How the name of a failed connection begins.
const BROKEN: &str = "broken connection: ";

/// A picture that a caller was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Acked {
    /// By its link.
    Name(String),
    /// As bytes with this hash.
    Hash(String),
}

/// Why a caller was given none.
#[derive(Debug)]
pub(super) enum Failed {
    /// The connection broke.
    Connection(String),
    /// Refused with this status and code.
    Refused(u16, String),
}

/// What platforms saw of one request. Times in milliseconds since the load began.
#[derive(Clone, Copy, Debug, Default)]
struct Course {
    /// When it was answered whole and well for the first time.
    clean: Option<u64>,
    /// Submissions that may have been charged: answered well, or cut in the midst of it.
    charged: u32,
    /// When the last one began.
    last: u64,
}

impl Course {
    /// Whether it was asked for once more after a clean answer.
    fn needless(&self) -> bool {
        self.clean.is_some_and(|clean| self.last > clean + CLOCKS)
    }
}

#[derive(Debug, Default)]
struct State {
    acked: HashMap<u16, Vec<(u64, Acked)>>,
    failures: BTreeMap<(u16, String), u64>,
    wrongs: Vec<String>,
    wrong: u64,
    courses: HashMap<u64, Course>,
    submissions: u64,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    state: Mutex<State>,
}

impl Book {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that must not happen.
    pub(super) fn wrong(&self, what: String) {
        let mut state = self.state();
        state.wrong += 1;
        if state.wrongs.len() < MOST_TOLD {
            state.wrongs.push(what);
        }
    }

    pub(super) fn acked(&self, port: u16, number: u64, pictures: Vec<Acked>) {
        self.state().acked.entry(port).or_default().extend(pictures.into_iter().map(|picture| (number, picture)));
    }

    pub(super) fn failed(&self, port: u16, failed: &Failed) {
        let what = match failed {
            Failed::Connection(error) => format!("{BROKEN}{error}"),
            Failed::Refused(status, code) => format!("{status} {code}"),
        };
        // Everything else is a platform's failure, told as it should be.
        if let Failed::Refused(status, code) = failed
            && (!matches!(status, 200 | 429 | 502 | 503 | 504) || code.is_empty())
        {
            self.wrong(format!("a drawing was answered {status} {code:?}"));
        }
        *self.state().failures.entry((port, what)).or_default() += 1;
    }

    /// A picture that was given by its link.
    pub(super) fn any_name(&self, port: u16, dice: &mut Dice) -> Option<String> {
        let state = self.state();
        let acked = state.acked.get(&port).filter(|acked| !acked.is_empty())?;
        match &acked[dice.index(acked.len())].1 {
            Acked::Name(name) => Some(name.clone()),
            Acked::Hash(_) => None,
        }
    }

    /// Takes note of what a platform was asked. `began`: when its ledger did.
    pub(super) fn submitted(&self, entries: Vec<Entry>, began: u64, numbers: u64) {
        for entry in entries.into_iter().filter(|entry| entry.draws) {
            let prompt = entry.field("prompt").unwrap_or_default();
            let number = prompt.strip_prefix("soak-").and_then(|rest| rest.split(' ').next()).and_then(|number| number.parse::<u64>().ok());
            let Some(number) = number.filter(|number| *number < numbers) else {
                self.wrong(format!("nobody asked for what a platform was asked: {} {prompt:.60}", entry.path));
                continue;
            };
            let mut state = self.state();
            state.submissions += 1;
            let course = state.courses.entry(number).or_default();
            course.last = course.last.max(began + entry.at_ms);
            let whole = matches!(entry.outcome, Outcome::Answered { .. });
            if let Some(ended) = entry.ended_ms.filter(|_| whole && entry.pictures > 0) {
                course.clean = Some(course.clean.unwrap_or(u64::MAX).min(began + ended));
            }
            // Cut before the head as well: the platform may have drawn.
            course.charged += u32::from(!whole || entry.pictures > 0);
        }
    }

    /// Every acknowledged picture is served as it is stored. Answers how many there are.
    pub(super) async fn audit(&self, gateway: &Gateway) -> io::Result<usize> {
        let sidecars: HashMap<String, String> = gateway.sidecars()?.into_iter().collect();
        let names: HashMap<&String, &String> = sidecars.iter().map(|(name, hash)| (hash, name)).collect();
        let acked = self.state().acked.get(&gateway.port).cloned().unwrap_or_default();
        for (number, picture) in &acked {
            let name = match picture {
                Acked::Name(name) => Some(name),
                Acked::Hash(hash) => names.get(hash).copied(),
            };
            let Some((name, wanted)) = name.and_then(|name| Some((name, sidecars.get(name)?))) else {
                self.wrong(format!("soak-{number}: its picture was answered and is not stored"));
                continue;
            };
            let request = Request::get(format!("/storage/{name}")).header("host", "localhost").body(Full::<Bytes>::default());
            let answer = client::ask(gateway.port, request.map_err(io::Error::other)?).await?;
            if answer.status != 200 || hash(&answer.body) != *wanted {
                self.wrong(format!("soak-{number}: {name} is answered {} with other bytes than were stored", answer.status));
            }
        }
        Ok(acked.len())
    }

    /// Draws the sum. Answers the lines to print, and how much was wrong.
    pub(super) fn close(&self) -> (Vec<String>, u64) {
        let state = self.state();
        let mut wrongs = state.wrongs.clone();
        let (mut wrong, mut made_good) = (state.wrong, 0);
        for (number, course) in &state.courses {
            if course.needless() {
                wrong += 1;
                wrongs.push(format!("soak-{number}: drawn again after it was drawn well: {course:?}"));
            } else if course.charged > 2 {
                wrong += 1;
                wrongs.push(format!("soak-{number}: perhaps charged {} times", course.charged));
            }
            made_good += u64::from(course.charged == 2);
        }
        for (number, _) in state.acked.values().flatten() {
            if state.courses.get(number).is_none_or(|course| course.clean.is_none()) {
                wrong += 1;
                wrongs.push(format!("soak-{number}: answered with a picture that no platform drew"));
            }
        }
        wrongs.truncate(MOST_TOLD);
        let (drawn, asked) = (state.acked.values().map(Vec::len).sum::<usize>(), state.courses.len());
        let mut lines = vec![format!(
            "{asked} requests reached a platform in {} submissions, {made_good} were made good after an uncertain one; {drawn} pictures acknowledged",
            state.submissions
        )];
        lines.extend(state.failures.iter().map(|((port, what), count)| format!("port {port}: {count} drawings failed: {what}")));
        lines.extend(wrongs.into_iter().map(|what| format!("WRONG: {what}")));
        (lines, wrong)
    }

    /// Drawings that were answered well and badly by a gateway, broken connections not counted.
    pub(super) fn score(&self, port: u16) -> (u64, u64) {
        let state = self.state();
        let failed = state.failures.iter().filter(|((of, what), _)| *of == port && !what.starts_with(BROKEN)).map(|(_, count)| count).sum();
        (state.acked.get(&port).map_or(0, Vec::len) as u64, failed)
    }

    /// Broken connections of a gateway's callers.
    pub(super) fn broken(&self, port: u16) -> u64 {
        self.state().failures.iter().filter(|((of, what), _)| *of == port && what.starts_with(BROKEN)).map(|(_, count)| count).sum()
    }
}
