//! A simulated platform: HTTP/1.1 by hand, faults by dice, and a ledger of what it was asked and what it
//! drew, which is what it would bill.

use crate::simulation::{World, dice_for};
use crate::support::{base64, png_with};
use ir_model::{Clock, Dice, SeededDice};
use sha2::{Digest, Sha256};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;
use turmoil::net::{TcpListener, TcpStream};

/// One request for a drawing that arrived at a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Submission {
    pub(super) at: i64,
    pub(super) host: &'static str,
    pub(super) key: String,
    pub(super) prompt: String,
    pub(super) mood: Mood,
    /// The hash of what was drawn: that is billed, whatever became of the answer.
    pub(super) drawn: Option<String>,
}

/// What a platform does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Draws,
    /// Draws, and answers when nobody waits any more.
    DrawsTooLate,
    /// Draws, and closes before a byte of the answer, or in its midst.
    DrawsAndCloses,
    DrawsAndBreaksOff,
    /// Draws, and answers with something else.
    DrawsNonsense,
    Limits,
    IsBusy,
    Fails,
    Closes,
    Refuses,
}

/// How a platform takes a request in bad times.
pub(super) fn mood(dice: &SeededDice) -> Mood {
    match dice.below(100) {
        0..=4 => Mood::DrawsTooLate,
        5..=8 => Mood::DrawsAndCloses,
        9..=12 => Mood::DrawsAndBreaksOff,
        13..=15 => Mood::DrawsNonsense,
        16..=24 => Mood::Limits,
        25..=29 => Mood::IsBusy,
        30..=34 => Mood::Fails,
        35..=37 => Mood::Closes,
        38..=39 => Mood::Refuses,
        _ => Mood::Draws,
    }
}

/// The host's software.
pub(super) async fn serve(world: Arc<World>, host: &'static str) -> turmoil::Result {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            // How a connection ends is the gateway's to cope with.
            let _ = talk(&world, host, stream).await;
        });
    }
}

struct Asked {
    path: String,
    key: String,
    body: Vec<u8>,
}

async fn talk(world: &World, host: &'static str, mut stream: TcpStream) -> io::Result<()> {
    while let Some(asked) = read(&mut stream).await? {
        if asked.path.ends_with("/models") {
            respond(&mut stream, 200, "", r#"{"data":[{"id":"m"}]}"#).await?;
        } else if !draw(world, host, &mut stream, asked).await? {
            return Ok(());
        }
    }
    Ok(())
}

async fn read(stream: &mut TcpStream) -> io::Result<Option<Asked>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) if head.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let mut body = vec![0; header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok(Some(Asked { path, key: header("authorization").unwrap_or_default(), body }))
}

/// Whether the connection goes on.
async fn draw(world: &World, host: &'static str, stream: &mut TcpStream, asked: Asked) -> io::Result<bool> {
    let json: serde_json::Value = serde_json::from_slice(&asked.body).map_err(io::Error::other)?;
    let prompt = json["prompt"].as_str().unwrap_or_default().to_owned();
    let dice = dice_for(&(world.seed, host, &prompt, world.sent(host, &prompt)));
    let mood = if world.is_healed() { Mood::Draws } else { mood(&dice) };
    let picture = png_with(u8::try_from(dice.below(200)).expect("small") + 9, Some(&format!("{prompt} {}", dice.hex128())));
    let draws = matches!(mood, Mood::Draws | Mood::DrawsTooLate | Mood::DrawsAndCloses | Mood::DrawsAndBreaksOff | Mood::DrawsNonsense);
    let drawn = draws.then(|| ir_model::hex(&Sha256::digest(&picture)));
    world.submitted(Submission { at: world.clock.now().0, host, key: asked.key, prompt, mood, drawn });
    let pause = |least: u64, most: u64| Duration::from_millis(least + dice.below(most - least));
    let answer = format!(r#"{{"created":1,"data":[{{"b64_json":"{}"}}]}}"#, base64(&picture));
    match mood {
        Mood::Draws => {
            sleep(pause(50, 1500)).await;
            respond(stream, 200, "", &answer).await?;
        }
        Mood::DrawsTooLate => {
            sleep(pause(5_500, 9_000)).await;
            respond(stream, 200, "", &answer).await?;
        }
        Mood::DrawsAndCloses | Mood::Closes => {
            sleep(pause(10, 500)).await;
            return Ok(false);
        }
        Mood::DrawsAndBreaksOff => {
            sleep(pause(10, 500)).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&answer.as_bytes()[..answer.len() / 2]).await?;
            return Ok(false);
        }
        Mood::DrawsNonsense => respond(stream, 200, "", r#"{"data":"nonsense"}"#).await?,
        Mood::Limits => {
            let wait = format!("retry-after: {}\r\n", 1 + dice.below(3));
            respond(stream, 429, &wait, r#"{"error":{"message":"too many requests","type":"rate_limit_error"}}"#).await?;
        }
        Mood::IsBusy => respond(stream, 503, "", r#"{"error":{"message":"busy"}}"#).await?,
        Mood::Fails => respond(stream, 500, "", r#"{"error":{"message":"broken"}}"#).await?,
        Mood::Refuses => respond(stream, 400, "", r#"{"error":{"code":"content_policy_violation","message":"no"}}"#).await?,
    }
    Ok(true)
}

async fn respond(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    for part in body.as_bytes().chunks(200) {
        stream.write_all(part).await?;
    }
    Ok(())
}
