//! What was asked.

use std::fmt;

/// One request, as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// `GET pods shop/web`: verb (`GET`, `LIST`, `WATCH`, `CREATE`, `UPDATE`, `PATCH`, `DELETE`), resource, and
    /// namespace and name. What was not understood is method and path.
    pub brief: String,
    /// HTTP method.
    pub method: String,
    /// Path.
    pub path: String,
    /// What stands behind the question mark; empty if there is none.
    pub query: String,
    /// `User-Agent`; empty if it was not sent.
    pub user_agent: String,
    /// Who asked; empty if that did not become clear.
    pub user: String,
    /// The body, as text.
    pub body: String,
    /// The HTTP status of the answer; `None` if there was none (yet).
    pub status: Option<u16>,
    /// Which of the server's connections it came by, counted from 0.
    pub connection: usize,
    /// How many others were waiting for their answers when it came.
    pub beside: usize,
}

impl fmt::Display for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} -> {status}", self.brief),
            None => write!(f, "{} -> no answer", self.brief),
        }
    }
}

/// All requests, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) requests: Vec<ApiRequest>,
    /// Entries before this one were forgotten; numbers go on.
    forgotten: usize,
    /// Connections that were opened, TLS handshakes that failed included.
    pub(super) connections: usize,
}

impl Log {
    /// Notes a request; its number.
    pub(super) fn arrived(&mut self, request: ApiRequest) -> usize {
        let beside = self.requests.iter().filter(|request| request.status.is_none()).count();
        self.requests.push(ApiRequest { beside, ..request });
        self.forgotten + self.requests.len() - 1
    }

    /// What became clear later.
    pub(super) fn amend(&mut self, number: usize, change: impl FnOnce(&mut ApiRequest)) {
        // It may have been forgotten meanwhile.
        let found = number.checked_sub(self.forgotten).and_then(|at| self.requests.get_mut(at));
        found.map(change);
    }

    pub(super) fn forget(&mut self) {
        self.forgotten += self.requests.len();
        self.requests.clear();
        self.connections = 0;
    }
}
