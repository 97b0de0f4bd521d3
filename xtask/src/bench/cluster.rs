//! What it costs to ask a cluster: the same networks from the conf itself, from a folder of manifests, from an API
//! server, and from one that speaks TLS. The server is the tests' double in a thread of the bench's own process.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use multus_tests::{Credential, NULL, TestApiServer, binaries, network_object, pod_object};
use serde_json::{Value, json};

use super::pair::Pair;
use super::report::{Aim, Line, Requests};
use super::{Bench, uniquely};

const NAMESPACE: &str = "team-red";
const POD: &str = "web";

/// How many definitions the pod asks for, besides the default network.
const FURTHER: [usize; 3] = [0, 1, 3];

/// The times, and what the servers were asked.
///
/// # Errors
/// If a call fails.
pub(super) fn measure(bench: &Bench) -> Result<(Vec<Line>, Vec<Requests>)> {
    let cluster = Cluster { bench, http: TestApiServer::http(), https: TestApiServer::https() };
    let (mut lines, mut requests) = (Vec::new(), Vec::new());
    for further in FURTHER {
        cluster.fill(further);
        lines.extend(cluster.times(further)?);
        requests.extend(cluster.requests(further)?);
    }
    Ok((lines, requests))
}

/// A pod and its definitions, at two servers and in a folder.
struct Cluster<'a> {
    bench: &'a Bench,
    http: TestApiServer,
    https: TestApiServer,
}

impl Cluster<'_> {
    /// The pod asks for so many definitions, everywhere.
    fn fill(&self, further: usize) {
        let names: Vec<String> = (1..=further).map(|number| format!("null{number}")).collect();
        let definitions = names.iter().map(|name| network_object(NAMESPACE, name, &null(name)));
        let mut objects = vec![pod_object(NAMESPACE, POD, &names.join(","))];
        objects.extend(definitions);
        self.bench.node.manifests(&objects);
        self.http.load(&objects);
        self.https.load(&objects);
    }

    fn times(&self, further: usize) -> Result<Vec<Line>> {
        let written = self.bench.through(json!({ "delegates": delegates(further) }));
        let manifests = self.bench.through(json!({ "manifests": self.bench.node.path("manifests") }));
        let (http, https) = (self.asking(&self.http)?, self.asking(&self.https)?);
        let mut lines = Vec::new();
        for (sides, one, other, parts) in [
            ("in the conf, at the server", &written, &http, &["ADD", "DEL"][..]),
            ("in manifests, at the server", &manifests, &http, &["ADD"]),
            ("at the server, with TLS too", &http, &https, &["ADD"]),
        ] {
            let parts: Vec<_> = parts.iter().map(|verb| (*verb, Aim::None)).collect();
            lines.extend(self.pair(&counted(further, sides), one, other)?.measure(self.bench.runs, &parts)?);
        }
        Ok(lines)
    }

    fn pair(&self, name: &str, one: &Value, other: &Value) -> Result<Pair<'_>> {
        let multus = binaries::multus();
        let one = self.bench.add_and_del(&multus, one)?;
        let other = self.bench.add_and_del(&multus, other)?;
        let pair = Pair::new(name, one, other);
        Ok(Pair { between: Some(Box::new(|| self.forget())), ..pair })
    }

    /// A server with much to remember answers later.
    fn forget(&self) {
        for server in [&self.http, &self.https] {
            server.forget_requests();
            server.compact();
        }
    }

    /// One call of each verb, for what it asks.
    fn requests(&self, further: usize) -> Result<Vec<Requests>> {
        let calls = self.bench.add_and_del(&binaries::multus(), &self.asking(&self.https)?)?;
        let mut rows = Vec::new();
        for (verb, call) in ["ADD", "DEL"].into_iter().zip(&calls) {
            self.forget();
            call.run()?;
            let name = counted(further, verb);
            rows.push(Requests { name, asked: self.https.briefs(), connections: self.https.connections() });
        }
        Ok(rows)
    }

    /// A conf that asks a server.
    fn asking(&self, server: &TestApiServer) -> Result<Value> {
        let kubeconfig: PathBuf = self.bench.node.scratch(&format!("kubeconfig-{}", uniquely()));
        fs::write(&kubeconfig, server.kubeconfig(Credential::None))?;
        Ok(self.bench.through(json!({ "kubeconfig": kubeconfig })))
    }
}

/// The default network and so many more.
fn delegates(further: usize) -> Vec<Value> {
    let names = (1..=further).map(|number| format!("null{number}"));
    ["null".to_owned()].into_iter().chain(names).map(|name| null(&name)).collect()
}

fn null(name: &str) -> Value {
    json!({ "cniVersion": "1.1.0", "name": name, "type": NULL })
}

fn counted(further: usize, what: &str) -> String {
    let plural = if further == 1 { "" } else { "s" };
    format!("{further} definition{plural}: {what}")
}
