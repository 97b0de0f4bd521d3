//! One question to an API server: asked until it is answered, refused for good, or out of time.

use std::cmp;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header;
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::credential::Credential;
use super::error::{ApiError, Refusal};
use super::refusal::{self, Failure};
use super::request::Request;

/// Many times the largest object that an API server stores.
const MAX_ANSWER: usize = 16 << 20;

/// The first pause before asking again; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An API server, and who asks it. Clones share the connections.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) connection: Connection,
    pub(super) credential: Arc<Credential>,
    pub(super) url: Arc<str>,
    /// How long one request may take, from the name's lookup to the last byte of the answer.
    pub(super) request_timeout: Duration,
}

impl Server {
    /// The body of the answer. What passes (no connection, a slow answer, 409, 429, 5xx) is asked again
    /// after a growing pause, or the one that the server wishes, as long as that is before the deadline.
    /// All our requests can be repeated: the worst is an event that is told twice.
    ///
    /// # Errors
    /// What the server, or the network, said last.
    pub(super) async fn ask(&self, request: &Request, deadline: Instant) -> Result<Bytes, ApiError> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut attempts = 0;
        let mut last = Refusal::OutOfTime;
        let refusal = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break last;
            }
            attempts += 1;
            let failure = match self.attempt(request, cmp::min(left, self.request_timeout)).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            last = keep(last, failure.refusal, left < self.request_timeout);
            let Some(wish) = failure.again else { break last };
            let wait = cmp::max(pause, wish);
            if Instant::now() + wait >= deadline {
                break last;
            }
            sleep(wait).await;
            pause = cmp::min(pause * 2, LONGEST_PAUSE);
        };
        Err(self.error(request, attempts, begun.elapsed(), refusal))
    }

    /// An error of ours about a request.
    pub(super) fn error(
        &self,
        request: &Request,
        attempts: u32,
        over: Duration,
        refusal: Refusal,
    ) -> ApiError {
        let (server, asked) = (self.url.to_string(), request.to_string());
        ApiError { server, asked, attempts, over, refusal: Box::new(refusal) }
    }

    async fn attempt(&self, request: &Request, limit: Duration) -> Result<Bytes, Failure> {
        let message = self.message(request)?;
        match timeout(limit, self.exchange(request, message)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::passing(Refusal::Slow(limit))),
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        message: http::Request<Full<Bytes>>,
    ) -> Result<Bytes, Failure> {
        let answer = self.connection.send(message).await.map_err(|error| refusal::unanswered(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| refusal::unanswered(error.as_ref()))?
            .to_bytes();
        if head.status.is_success() {
            return Ok(body);
        }
        Err(refusal::answered(request, &self.credential, head.status, &head.headers, &body))
    }

    fn message(&self, request: &Request) -> Result<http::Request<Full<Bytes>>, Failure> {
        let unsendable = |error: http::Error| Failure::lasting(Refusal::Unreachable(error.to_string()));
        let mut message = self.connection.request(request.method(), &request.path()).map_err(unsendable)?;
        let credential = self.credential.authorization();
        if let Some(header) = credential.map_err(|problem| Failure::lasting(Refusal::Credential(problem)))? {
            message = message.header(header::AUTHORIZATION, header);
        }
        let message = match request.body() {
            Some((kind, content)) => message.header(header::CONTENT_TYPE, kind).body(Full::new(content)),
            None => message.body(Full::default()),
        };
        message.map_err(unsendable)
    }
}

/// Which of two refusals to report. An attempt that the deadline cut short says nothing about the
/// server, so what was seen before counts more.
fn keep(before: Refusal, now: Refusal, cut_short: bool) -> Refusal {
    match (&before, &now) {
        (Refusal::OutOfTime, _) => now,
        (_, Refusal::Slow(_)) if cut_short => before,
        _ => now,
    }
}
