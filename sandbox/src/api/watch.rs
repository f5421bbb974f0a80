//! watch: a stream of JSON lines.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

use super::call::Call;
use super::request::Form;
use super::response::metadata_only;
use super::{ApiError, event_versions, read, table};
use crate::store::{Event, EventKind, Resource, Selector, Store, StoreError, Watch, now};

/// How often a bookmark tells a client that asked for them how far it is.
const BOOKMARKS: Duration = Duration::from_secs(60);

struct Feed {
    resource: &'static Resource,
    selector: Selector,
    form: Form,
    include: String,
    watch: Watch,
    pending: VecDeque<Bytes>,
    bookmarks: bool,
    next_bookmark: Instant,
    deadline: Instant,
    left: Option<u64>,
    ended: bool,
    headed: bool,
}

pub(in crate::api) fn watch(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
) -> Result<Response<Body>, ApiError> {
    let selector = read::selector(resource, call)?;
    let scope = read::scope(call);
    let from = call.query.get("resourceVersion").filter(|v| *v != "0");
    let initial = call.query.flag("sendInitialEvents");
    let from = from
        .map(|v| {
            v.parse::<u64>().map_err(|_| {
                ApiError::bad_request(format!("Invalid value: \"{v}\": resourceVersion"))
            })
        })
        .transpose()?;
    let list = store.list(event_versions::stored(resource), scope);
    let synthetic = initial || from.is_none();
    let start = if synthetic {
        list.revision
    } else {
        from.unwrap_or(list.revision)
    };
    let watch = match store.watch(event_versions::stored(resource), scope, start) {
        Ok(watch) => watch,
        Err(e @ StoreError::Gone { .. }) => {
            // As the watch cache does: the stream begins, and its first event is the error.
            let line = format!(
                "{}\n",
                json!({"type": "ERROR", "object": ApiError::from(e).status()})
            );
            return Ok(stream_response(Body::from(line)));
        }
        Err(e) => return Err(e.into()),
    };
    let seconds = call.query.number("timeoutSeconds").unwrap_or(30 * 60);
    let mut feed = Feed {
        resource,
        selector,
        form: call.form,
        include: read::include(call).to_owned(),
        watch,
        pending: VecDeque::new(),
        bookmarks: call.query.flag("allowWatchBookmarks"),
        next_bookmark: Instant::now() + BOOKMARKS,
        deadline: Instant::now() + Duration::from_secs(seconds.min(24 * 3600)),
        left: call.faults.cut,
        ended: false,
        headed: false,
    };
    if synthetic {
        for object in &list.items {
            let object = event_versions::outward(resource, object);
            if feed.selector.matches(&object) {
                feed.push("ADDED", &object);
            }
        }
    }
    if initial && feed.bookmarks {
        feed.bookmark(true);
    }
    let stream = futures::stream::unfold(feed, |mut feed| async move {
        feed.next().await.map(|item| (item, feed))
    });
    Ok(stream_response(Body::from_stream(stream)))
}

fn stream_response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

impl Feed {
    fn line(&mut self, kind: &str, object: &Value) {
        self.pending.push_back(Bytes::from(format!(
            "{}\n",
            json!({"type": kind, "object": object})
        )));
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let rendered = match self.form {
            Form::Object => return self.line(kind, object),
            Form::Table => table::of(self.resource, [object], &self.include, !self.headed),
            Form::Metadata => metadata_only(object),
        };
        self.headed = true;
        self.line(kind, &rendered);
    }

    fn bookmark(&mut self, initial_done: bool) {
        let mut metadata = json!({"resourceVersion": self.watch.revision().to_string(), "creationTimestamp": null});
        if initial_done {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let mut object = json!({"kind": self.resource.kind, "apiVersion": self.resource.api_version(), "metadata": metadata});
        match self.form {
            Form::Object => {}
            Form::Metadata => object = metadata_only(&object),
            Form::Table => {
                object = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": null, "rows": []});
            }
        }
        self.line("BOOKMARK", &object);
        self.next_bookmark = Instant::now() + BOOKMARKS;
    }

    /// An event as this watcher sees it: an object that stops matching the selector is "DELETED" for it.
    fn event(&mut self, event: &Event) {
        let object = event_versions::outward(self.resource, &event.object);
        let matches = self.selector.matches(&object);
        let matched = event.previous.as_ref().is_some_and(|p| {
            self.selector
                .matches(&event_versions::outward(self.resource, p))
        });
        let kind = match (event.kind, matched, matches) {
            (EventKind::Added, _, true) | (EventKind::Modified, false, true) => "ADDED",
            (EventKind::Modified, true, true) => "MODIFIED",
            (EventKind::Modified, true, false) | (EventKind::Deleted, true, _) => "DELETED",
            _ => return,
        };
        self.push(kind, &object);
    }

    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        loop {
            if let Some(line) = self.pending.pop_front() {
                return Some(self.through(line));
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                events = self.watch.next() => match events {
                    Ok(events) => events.iter().for_each(|e| self.event(e)),
                    Err(e) => {
                        self.ended = true;
                        self.line("ERROR", &ApiError::from(e).status());
                    }
                },
                () = tokio::time::sleep_until(self.next_bookmark), if self.bookmarks => self.bookmark(false),
                () = tokio::time::sleep_until(self.deadline) => self.ended = true,
            }
        }
    }

    /// Counts bytes against a fault that cuts the stream.
    fn through(&mut self, line: Bytes) -> Result<Bytes, std::io::Error> {
        let Some(left) = &mut self.left else {
            return Ok(line);
        };
        let length = line.len() as u64;
        if length > *left {
            self.ended = true;
            self.pending.clear();
            return Err(std::io::Error::other(format!(
                "the watch is cut on purpose at {}",
                now()
            )));
        }
        *left -= length;
        Ok(line)
    }
}
