//! The server's thread: connections, with TLS or without.

use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::serve::{Peer, serve};
use super::shared::Shared;

/// A thread that serves until it is dropped. Connections end with it.
#[derive(Debug)]
pub(super) struct Serving {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Begins to serve what comes to a listener.
    pub(super) fn begin(
        listener: &TcpListener,
        tls: Option<Arc<ServerConfig>>,
        shared: Arc<Shared>,
    ) -> Serving {
        let listener = listener.try_clone().expect("a second descriptor");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let thread = thread::Builder::new().name("test api server".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, tls.map(TlsAcceptor::from), shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Serving { stop: Some(stop), thread: Some(thread.expect("a thread")) }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        // Only another panic would be hidden.
        assert!(thread::panicking() || !matches!(ended, Some(Err(_))), "the test API server panicked");
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for the runtime");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Without it an answer in two parts waits for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(stream, tls.clone(), shared.clone()));
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let number = {
        let mut log = shared.log();
        log.connections += 1;
        log.connections - 1
    };
    let Ok(socket) = stream.as_fd().try_clone_to_owned() else { return };
    let Some(acceptor) = tls else {
        return speak(stream, socket, peer(number, None), shared).await;
    };
    // A client that does not like the certificate goes away.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let certificate = certificate.map(|certificate| certificate.to_vec());
    speak(stream, socket, peer(number, certificate), shared).await;
}

fn peer(connection: usize, certificate: Option<Vec<u8>>) -> Arc<Peer> {
    Arc::new(Peer { connection, certificate, reset: Notify::new() })
}

/// HTTP/1.1 until one side has enough.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    socket: OwnedFd,
    peer: Arc<Peer>,
    shared: Arc<Shared>,
) {
    let service = service_fn(|request| serve(shared.clone(), peer.clone(), request));
    let talk = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = talk => {}
        () = peer.reset.notified() => {
            // Closing it now sends a reset instead of a farewell.
            let _ = setsockopt(&socket, sockopt::Linger, &linger { l_onoff: 1, l_linger: 0 });
        }
    }
}
