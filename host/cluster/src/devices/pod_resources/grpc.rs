//! gRPC as far as unary calls need it: a request is a POST with one framed message, and its status comes
//! after the answer, in the trailers.

use std::path::Path;

use bytes::{BufMut, Bytes, BytesMut};
use h2::RecvStream;
use h2::client::{self, SendRequest};
use http::{HeaderMap, Request, StatusCode, header};
use prost::Message;
use tokio::net::UnixStream;

use super::call::{CallError, Code};

/// A list of all pods of a big node takes some hundred KiB.
const MAX_MESSAGE: usize = 16 << 20;
/// What may be under way at once, so that a list of pods comes in one go.
const WINDOW: u32 = 1 << 20;
/// Length of what stands before a message: a flag for compression, and its length.
const PREFIX: usize = 5;

/// A connection.
pub(super) struct Channel {
    requests: SendRequest<Bytes>,
}

impl Channel {
    /// Connects to a unix socket. Needs a tokio runtime, which also drives the connection.
    pub(super) async fn connect(socket: &Path) -> Result<Self, CallError> {
        let stream = UnixStream::connect(socket).await?;
        let mut client = client::Builder::new();
        client.initial_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let (requests, connection) = client.handshake(stream).await?;
        // It ends with the channel; its failure is that of the call that is under way.
        drop(tokio::spawn(async { drop(connection.await) }));
        Ok(Self { requests })
    }

    /// One question, one answer. `method` is the path of the method, `/package.Service/Method`.
    pub(super) async fn unary<Q: Message, A: Message + Default>(
        &self,
        method: &str,
        question: &Q,
    ) -> Result<A, CallError> {
        let mut requests = self.requests.clone().ready().await?;
        let (response, mut body) = requests.send_request(head(method)?, false)?;
        body.send_data(frame(question), true)?;
        let (head, stream) = response.await?.into_parts();
        let kind = head.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        if head.status != StatusCode::OK || !kind.starts_with(b"application/grpc") {
            let kind = String::from_utf8_lossy(kind);
            return Err(CallError::NotGrpc(format!("{}, content type `{kind}`", head.status)));
        }
        let (text, trailers) = receive(stream).await?;
        // An error without an answer has its status in the head.
        check_status(trailers.as_ref().unwrap_or(&head.headers))?;
        Ok(A::decode(message(text)?)?)
    }
}

fn head(method: &str) -> Result<Request<()>, CallError> {
    Request::post(format!("http://localhost{method}"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::USER_AGENT, concat!("multus/", env!("CARGO_PKG_VERSION")))
        .body(())
        .map_err(|error| CallError::NotGrpc(error.to_string()))
}

fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(PREFIX + length);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    frame.put_slice(&message.encode_to_vec());
    frame.freeze()
}

async fn receive(mut stream: RecvStream) -> Result<(Bytes, Option<HeaderMap>), CallError> {
    let mut text = BytesMut::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk?;
        stream.flow_control().release_capacity(chunk.len())?;
        if text.len() + chunk.len() > MAX_MESSAGE + PREFIX {
            return Err(CallError::NotGrpc(format!("more than {MAX_MESSAGE} bytes")));
        }
        text.extend_from_slice(&chunk);
    }
    Ok((text.freeze(), stream.trailers().await?))
}

fn check_status(headers: &HeaderMap) -> Result<(), CallError> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let status = text("grpc-status");
    let Some(number) = status.as_ref().and_then(|status| status.parse().ok()) else {
        return Err(CallError::NotGrpc("an answer without a `grpc-status`".to_owned()));
    };
    match Code::of(number) {
        None => Ok(()),
        Some(code) => Err(CallError::Refused { code, message: text("grpc-message").unwrap_or_default() }),
    }
}

/// The one message of an answer.
fn message(mut text: Bytes) -> Result<Bytes, CallError> {
    let bad = |why: &str| Err(CallError::NotGrpc(why.to_owned()));
    if text.len() < PREFIX {
        return bad("an answer without a message");
    }
    let prefix = text.split_to(PREFIX);
    let [compressed, length @ ..] = <[u8; PREFIX]>::try_from(&prefix[..]).unwrap_or_default();
    if compressed != 0 {
        return bad("a compressed message, which nobody asked for");
    }
    if usize::try_from(u32::from_be_bytes(length)) != Ok(text.len()) {
        return bad("a message of another length than it says");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Row<'a> = (&'a [u8], Result<&'a [u8], &'a str>);

    #[test]
    fn a_message_is_what_its_prefix_says() {
        let rows: &[Row<'_>] = &[
            (&[0, 0, 0, 0, 0], Ok(&[])),
            (&[0, 0, 0, 0, 2, 7, 8], Ok(&[7, 8])),
            (&[], Err("without a message")),
            (&[0, 0, 0, 0], Err("without a message")),
            (&[1, 0, 0, 0, 1, 7], Err("compressed")),
            (&[0, 0, 0, 0, 2, 7], Err("another length")),
            (&[0, 0, 0, 0, 1, 7, 8], Err("another length")),
            (&[0, 255, 255, 255, 255, 7], Err("another length")),
        ];
        for (text, expected) in rows {
            match (message(Bytes::from_static(text)), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, *expected),
                (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{text:?}: {error}"),
                (found, _) => panic!("{text:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn the_status_is_told_by_number_and_words() {
        let status = |pairs: &[(&'static str, &str)]| {
            check_status(
                &pairs
                    .iter()
                    .map(|(key, value)| (http::HeaderName::from_static(key), value.parse().unwrap()))
                    .collect(),
            )
        };
        assert!(status(&[("grpc-status", "0")]).is_ok());
        let told = |pairs| status(pairs).unwrap_err().to_string();
        assert_eq!(
            told(&[("grpc-status", "2"), ("grpc-message", "PodResources API Get method disabled")]),
            "it answers with gRPC status 2: PodResources API Get method disabled"
        );
        assert!(told(&[]).contains("without a `grpc-status`"));
        assert!(told(&[("grpc-status", "fine")]).contains("without a `grpc-status`"));
        let busy = status(&[("grpc-status", "8")]).unwrap_err();
        assert!(matches!(busy, CallError::Refused { code: Code::ResourceExhausted, .. }));
    }

    proptest! {
        #[test]
        fn what_is_framed_is_read(name in ".{0,40}") {
            let question = crate::devices::pod_resources::messages::GetRequest {
                pod_name: name, pod_namespace: String::new(),
            };
            let text = message(frame(&question)).unwrap();
            prop_assert_eq!(crate::devices::pod_resources::messages::GetRequest::decode(text).unwrap(), question);
        }

        #[test]
        fn any_text_is_a_message_or_an_error(text in any::<Vec<u8>>()) {
            let _ = message(text.into());
        }
    }
}
