//! One request, from the first byte to the answer.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Response};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::faults::Fault;
use super::log::ApiRequest;
use super::request::{Call, Verb};
use super::shared::Shared;
use super::status::ApiError;
use super::verbs::Sent;
use super::{discovery, rbac, watch};

/// A whole body, or the lines of a watch.
pub(super) type Body = Either<Full<Bytes>, Channel<Bytes>>;

/// The connection that a request came by.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) connection: usize,
    /// The client's certificate, DER.
    pub(super) certificate: Option<Vec<u8>>,
    /// Resets the connection.
    pub(super) reset: Notify,
}

/// A request that is being answered.
struct Exchange {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    /// Its number in the log.
    number: usize,
    call: Result<Call, ApiError>,
    /// As the log shows it.
    brief: String,
    head: Parts,
}

/// Answers a request, or lets it go wrong as ordered.
pub(super) async fn serve(
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let exchange = Exchange::begin(shared, peer, head);
    let (fault, delay) = exchange.order();
    sleep(delay).await;
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    exchange.amend(|request| request.body = String::from_utf8_lossy(&body).into_owned());
    let answer = match fault {
        Some(Fault::Hang) => pending().await,
        Some(Fault::Reset) => exchange.reset().await,
        Some(Fault::Status(code)) => failure(&ApiError::ordered(code)),
        Some(Fault::Garbage) => response(200, "text/html", Bytes::from_static(b"<html>not an API server")),
        Some(Fault::AnswerLost) => {
            drop(exchange.answer(&body));
            exchange.reset().await
        }
        None => exchange.answer(&body).unwrap_or_else(|error| failure(&error)),
    };
    exchange.amend(|request| request.status = Some(answer.status().as_u16()));
    Ok(answer)
}

impl Exchange {
    /// Understands the request and notes it.
    fn begin(shared: Arc<Shared>, peer: Arc<Peer>, head: Parts) -> Exchange {
        let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default().to_owned());
        let call = Call::parse(head.method.as_str(), &path, &query, &shared.contents().served);
        let brief = call.as_ref().map_or_else(|_| format!("{} {path}", head.method), Call::to_string);
        let number = shared.log().arrived(ApiRequest {
            brief: brief.clone(),
            method: head.method.to_string(),
            path,
            query,
            user_agent: header(&head.headers, USER_AGENT).unwrap_or_default().to_owned(),
            user: String::new(),
            body: String::new(),
            status: None,
            connection: peer.connection,
            beside: 0,
        });
        Exchange { shared, peer, number, call, brief, head }
    }

    /// What was ordered for it.
    fn order(&self) -> (Option<Fault>, Duration) {
        let mut orders = self.shared.orders();
        (orders.take(&self.brief), orders.delay_of(&self.brief))
    }

    fn amend(&self, change: impl FnOnce(&mut ApiRequest)) {
        self.shared.log().amend(self.number, change);
    }

    async fn reset(&self) -> Response<Body> {
        self.peer.reset.notify_one();
        pending().await
    }

    fn answer(&self, body: &[u8]) -> Result<Response<Body>, ApiError> {
        let (shared, headers) = (&self.shared, &self.head.headers);
        let certificate = self.peer.certificate.as_deref();
        let user = shared.access().identify(header(headers, AUTHORIZATION), certificate)?;
        self.amend(|request| request.user.clone_from(&user.name));
        // What everybody may ask.
        if let Some(about) = discovery::answer(self.head.uri.path(), &shared.contents().served) {
            return Ok(object(200, &about));
        }
        let call = self.call.clone()?;
        if shared.access().rbac {
            let contents = shared.contents();
            rbac::authorize(&contents.store, &contents.served, &user, &call)?;
        }
        if call.verb == Verb::Watch {
            let lines = watch::begin(shared, call)?;
            return Ok(with_body(200, "application/json", Either::Right(lines)));
        }
        let media = header(headers, CONTENT_TYPE).unwrap_or("application/json");
        let (code, answered) = shared.change(|contents| contents.serve(&call, &Sent { media, body }))?;
        Ok(object(code, &answered))
    }
}

fn failure(error: &ApiError) -> Response<Body> {
    let mut response = object(error.code, &error.to_status());
    if matches!(error.code, 429 | 503) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn object(code: u16, object: &Value) -> Response<Body> {
    response(code, "application/json", Bytes::from(object.to_string()))
}

fn response(code: u16, media: &str, body: Bytes) -> Response<Body> {
    with_body(code, media, Either::Left(Full::new(body)))
}

fn with_body(code: u16, media: &str, body: Body) -> Response<Body> {
    let response = Response::builder().status(code).header(CONTENT_TYPE, media);
    response.body(body).expect("status and header are well formed")
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
