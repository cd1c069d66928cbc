//! Pictures as chat applications can show them. Where there is no link to give, a picture goes into the
//! Markdown as a data URI, and several applications drop those that are neither PNG nor JPEG
//! (`08-clients.md`, 6). What is stored stays as it was drawn.

use crate::answer::{Place, Wish, place};
use crate::stream::Events;
use ir_engine::DrawEvent;
use ir_model::{Drawn, Format};
use ir_spool::{PictureStore, Wanted};

/// What a data URI may be.
const SHOWN: &[Format] = &[Format::Png, Format::Jpeg];

/// Events whose pictures can be shown.
pub(crate) struct Presentable<E> {
    events: E,
    pictures: PictureStore,
    wish: Wish,
    /// What happened and was not told yet: a call that is dropped while it draws anew loses nothing.
    next: Option<DrawEvent>,
}

impl<E: Events> Presentable<E> {
    pub(crate) fn new(events: E, pictures: PictureStore, wish: Wish) -> Self {
        Self { events, pictures, wish, next: None }
    }
}

/// A picture in another format, if it could not be shown in its own.
async fn shown(pictures: &PictureStore, wish: &Wish, drawn: &Drawn) -> Option<Drawn> {
    let Some(Place::Bytes(picture)) = place(drawn, wish) else { return None };
    if SHOWN.contains(&picture.probe.format) {
        return None;
    }
    match pictures.prepare(picture, &Wanted { formats: SHOWN, ..Wanted::default() }).await {
        Ok(ready) => Some(Drawn { picture: Some(ready.picture), ..drawn.clone() }),
        Err(error) => {
            tracing::warn!(%error, "a picture is answered in a format that some clients cannot show");
            None
        }
    }
}

impl<E: Events> Events for Presentable<E> {
    async fn next(&mut self) -> DrawEvent {
        if self.next.is_none() {
            self.next = Some(self.events.next().await);
        }
        let shown = match &self.next {
            Some(DrawEvent::Picture { index, drawn }) => {
                shown(&self.pictures, &self.wish, drawn).await.map(|drawn| DrawEvent::Picture { index: *index, drawn })
            }
            _ => None,
        };
        let before = self.next.take();
        shown.or(before).expect("invariant: it was set above")
    }
}
