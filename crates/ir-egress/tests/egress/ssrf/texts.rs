//! The text of an address: refused before anything is looked up or dialled.

use super::corpus::{Kind, embeddings, spellings, targets, tricks};
use super::recorder::{Lookups, Rig};
use super::vectors::Vector;
use ir_egress::Rules;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use url::Url;

/// Texts that went each way.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Tally {
    fn add(&mut self, vector: Vector) {
        *self.0.entry(format!("{vector:?}")).or_default() += 1;
    }

    fn text(&self) -> String {
        format!("{} in all; {:?}", self.0.values().sum::<usize>(), self.0)
    }
}

/// Every spelling of every address, alone and within IPv6.
fn literal_texts(ip: IpAddr) -> Vec<String> {
    let mut hosts = spellings(ip);
    if let IpAddr::V4(v4) = ip {
        // Of those, the shortest and the longest way, and one that shows the inner address.
        hosts.extend(embeddings(v4).into_iter().flat_map(|(_, outer)| spellings(outer.into()).into_iter().step_by(2)));
    }
    hosts.into_iter().map(|host| format!("http://{host}/x.png")).collect()
}

/// Proves R-SSRF-1, R-SSRF-2, R-SSRF-7, R-SSRF-8, R-SSRF-9, P-1.
#[tokio::test]
async fn no_spelling_of_a_private_address_gets_past_its_text() {
    let rig = Rig::new(Rules::default(), Lookups::none());
    let (inside, _) = targets();
    let texts: Vec<String> = inside.iter().flat_map(|target| literal_texts(target.ip)).collect();
    let mut tally = Tally::default();
    for text in &texts {
        for vector in Vector::ALL.into_iter().filter(|vector| vector.carries(text)) {
            let seen = vector.drive(&rig, text).await;
            // A header's bytes beyond ASCII are no text: such a redirect leads nowhere.
            let dumb = !text.is_ascii() && matches!(vector, Vector::CallersRedirect(_) | Vector::PlatformsRedirect(_));
            assert!(seen.is_silent() && seen.refused == u64::from(!dumb), "{vector:?}: {text}: {seen:?}");
            tally.add(vector);
        }
    }
    println!("corpus: {} addresses, {} texts", inside.len(), texts.len());
    println!("literal addresses refused: {}", tally.text());
    assert!(texts.len() > 3000, "{}", texts.len());
}

/// What is public is dialled, however it is written, and it is that very address.
///
/// Proves R-SSRF-2, R-SSRF-4, P-1.
#[tokio::test]
async fn public_neighbours_are_dialled() {
    let rig = Rig::new(Rules::default(), Lookups::none());
    let (_, beside) = targets();
    let mut tally = Tally::default();
    for target in &beside {
        for host in spellings(target.ip) {
            let text = format!("http://{host}/x.png");
            for vector in Vector::ALL.into_iter().filter(|vector| vector.carries(&text)) {
                let dumb = !text.is_ascii() && matches!(vector, Vector::CallersRedirect(_) | Vector::PlatformsRedirect(_));
                if dumb {
                    continue;
                }
                let seen = vector.drive(&rig, &text).await;
                assert_eq!((seen.refused, &seen.dials[..]), (0, &[SocketAddr::new(target.ip, 80)][..]), "{vector:?}: {text}");
                tally.add(vector);
            }
        }
    }
    println!("neighbours: {}", beside.len());
    println!("public neighbours dialled: {}", tally.text());
    assert!(beside.len() > 30);
}

/// Proves R-SSRF-2, R-SSRF-6, R-SSRF-8, R-SSRF-9.
#[tokio::test]
async fn no_trick_gets_past_its_text() {
    let rig = Rig::new(Rules::default(), Lookups::none());
    let tricks = tricks();
    let mut tally = Tally::default();
    for (text, kind) in &tricks {
        let ways = Vector::ALL.into_iter().filter(|vector| *kind == Kind::Always || vector.is_strangers());
        for vector in ways.filter(|vector| vector.carries(text)) {
            let seen = vector.drive(&rig, text).await;
            assert!(seen.is_silent(), "{vector:?}: {text:?}: {seen:?}");
            tally.add(vector);
        }
    }
    println!("corpus: {} tricks", tricks.len());
    println!("tricks refused: {}", tally.text());
}

/// What is decided of a text is decided of what the parser writes for it.
///
/// Proves R-SSRF-2.
#[tokio::test]
async fn decisions_outlive_being_written_anew() {
    let rig = Rig::new(Rules::default(), Lookups::new(|_, _| vec![IpAddr::from([93, 184, 216, 34])]));
    let (inside, beside) = targets();
    let literals = inside.iter().chain(&beside).step_by(3).flat_map(|target| literal_texts(target.ip));
    let texts: Vec<String> = literals.chain(tricks().into_iter().map(|(text, _)| text)).collect();
    let (mut compared, mut repaired) = (0, 0);
    for text in texts {
        let Ok(url) = Url::parse(&text) else { continue };
        let once = Vector::CallersUrl.drive(&rig, &text).await;
        let twice = Vector::CallersUrl.drive(&rig, url.as_str()).await;
        // A text that the parser repairs is refused for that alone.
        if once.refused == 1 && twice.refused == 0 {
            let mended = text.trim() != text || text.chars().any(|c| c.is_ascii_control() || c == '\\') || text.contains('@');
            assert!(mended, "{text:?} and {url}");
            repaired += 1;
            continue;
        }
        assert_eq!((once.refused, once.dials), (twice.refused, twice.dials), "{text:?} and {url}");
        compared += 1;
    }
    println!("written anew: {compared} decided alike, {repaired} refused only as they were");
    assert!(compared > 1000);
}
