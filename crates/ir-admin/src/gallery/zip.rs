//! `POST /api/gallery/zip` orders a zip of pictures, and the address in the answer streams it once.
//! Pictures are compressed already: they are stored as they are, read and sent block by block.

use super::Filenames;
use crate::admin::Admin;
use crate::body::{Answer, Json, Path};
use crate::refusal::{ErrorBody, Refusal};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use http_body_util::StreamBody;
use ir_model::Timestamp;
use ir_spool::{Piece, PieceBody};
use ir_store::PictureRecord;
use serde::Serialize;
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use utoipa::ToSchema;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// How long an order is kept, in milliseconds.
const KEPT: i64 = 60_000;
/// Orders that are kept.
const MOST_ORDERS: usize = 64;
/// Bytes of one piece of the answer, and pieces that wait for a slow reader.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 4;

/// Orders that were not fetched yet.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<HashMap<String, (Timestamp, Vec<PictureRecord>)>>);

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ZipOrder {
    /// Good once, for a minute.
    url: String,
    /// What the pictures weigh.
    bytes: u64,
}

/// Orders a zip of pictures.
#[utoipa::path(post, path = "/api/gallery/zip", tag = "gallery", request_body = Filenames, responses(
    (status = 200, body = ZipOrder), (status = 404, body = ErrorBody)))]
pub(super) async fn order(State(admin): State<Arc<Admin>>, Json(names): Json<Filenames>) -> Result<Answer<ZipOrder>, Refusal> {
    let names = names.bounded()?;
    let pictures: Vec<PictureRecord> = admin.engine.store().named(&names).await?.into_iter().map(|listed| listed.picture).collect();
    if pictures.is_empty() {
        return Err(Refusal::not_found("None of these pictures is there.", "这些图片都不存在。"));
    }
    let bytes = pictures.iter().map(|picture| picture.bytes).sum();
    let (now, ticket) = (admin.now(), admin.engine.dice().hex128());
    let mut tickets = admin.zips.0.lock().unwrap_or_else(PoisonError::into_inner);
    tickets.retain(|_, (made, _)| made.plus_ms(KEPT) > now);
    if tickets.len() >= MOST_ORDERS {
        let (en, zh) = ("Too many downloads are waiting. Try again in a minute.", "等待中的下载过多，请稍后再试。");
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_downloads", en, zh).retry_after(60));
    }
    tickets.insert(ticket.clone(), (now, pictures));
    Ok(Answer(ZipOrder { url: format!("/api/gallery/zip/{ticket}"), bytes }))
}

/// The zip, as a stream.
#[utoipa::path(get, path = "/api/gallery/zip/{ticket}", tag = "gallery", params(("ticket" = String, Path)), responses(
    (status = 200, body = Vec<u8>, content_type = "application/zip"), (status = 404, body = ErrorBody)))]
pub(super) async fn download(State(admin): State<Arc<Admin>>, Path(ticket): Path) -> Result<Response, Refusal> {
    let now = admin.now();
    let taken = admin.zips.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&ticket);
    let Some((_, pictures)) = taken.filter(|(made, _)| made.plus_ms(KEPT) > now) else {
        return Err(Refusal::not_found("This download is over. Order it again.", "该下载链接已失效，请重新下载。"));
    };
    let (pieces, inbox) = mpsc::channel::<io::Result<Bytes>>(PIECES);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut sink = Sink { pieces: pieces.clone(), block: BytesMut::with_capacity(PIECE) };
        let packed = pack(&admin, &pictures, &mut sink, &runtime).and_then(|()| sink.flush());
        if let Err(error) = packed {
            // The reader sees a cut stream instead of a zip that looks whole.
            tracing::warn!(%error, "a zip could not be finished");
            let _ = pieces.blocking_send(Err(error));
        }
    });
    let frames = stream::unfold(inbox, |mut inbox| async move { Some((inbox.recv().await?.map(http_body::Frame::data), inbox)) });
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    let (year, month, day, hour, minute, second) = now.civil();
    let name = format!("attachment; filename=\"img-router-{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}.zip\"");
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_str(&name).expect("invariant: digits are a valid header"));
    Ok(response)
}

fn pack(admin: &Admin, pictures: &[PictureRecord], sink: &mut Sink, runtime: &tokio::runtime::Handle) -> io::Result<()> {
    let mut zip = ZipWriter::new_stream(sink);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    for picture in pictures {
        // A picture that vanished meanwhile is left out.
        let Ok(blob) = runtime.block_on(admin.engine.pictures().open(&picture.path)) else { continue };
        zip.start_file(picture.name.as_str(), options).map_err(io::Error::other)?;
        let mut pieces = PieceBody::new(vec![Piece::Raw(blob)]);
        while let Some(piece) = runtime.block_on(pieces.next()) {
            zip.write_all(&piece?)?;
        }
    }
    zip.finish().map_err(io::Error::other)?;
    Ok(())
}

/// Gathers blocks, and waits for a reader that is slower than the disk.
struct Sink {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    block: BytesMut,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.block, BytesMut::with_capacity(PIECE)).freeze();
        self.pieces.blocking_send(Ok(full)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
