//! Host names without the C library: a static binary has no `getaddrinfo` to rely on
//! (docs/decisions/0001).

use std::fs;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use hyper_util::client::legacy::connect::dns;
use tower_service::Service;

/// The files that say what a name means on this node.
#[derive(Debug, Clone)]
pub(super) struct NameFiles {
    /// Addresses and their names; a name that stands here is not looked for elsewhere.
    pub(super) hosts: PathBuf,
    /// The name servers.
    pub(super) resolv_conf: PathBuf,
}

impl Default for NameFiles {
    fn default() -> Self {
        Self { hosts: "/etc/hosts".into(), resolv_conf: "/etc/resolv.conf".into() }
    }
}

type Lookup = Pin<Box<dyn Future<Output = io::Result<vec::IntoIter<SocketAddr>>> + Send>>;

/// Resolves the names of a connector. It is not asked for literal addresses, so for those no file is
/// read and no resolver starts.
#[derive(Clone)]
pub(super) struct Resolver(Arc<NameFiles>);

impl Resolver {
    /// One that knows what these files say.
    pub(super) fn new(files: NameFiles) -> Self {
        Self(Arc::new(files))
    }
}

impl Service<dns::Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Lookup;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Lookup {
        let files = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses = addresses(&files, name.as_str()).await.map_err(|problem| {
                io::Error::other(format!("the host name `{name}` can't be resolved: {problem}"))
            })?;
            // The port is the connector's to fill in.
            let addresses: Vec<_> = addresses.into_iter().map(|address| (address, 0).into()).collect();
            Ok(addresses.into_iter())
        })
    }
}

/// Hosts file first and, if it has the name, alone: as the C library does, and it must work while
/// every name server is down.
async fn addresses(files: &NameFiles, host: &str) -> Result<Vec<IpAddr>, String> {
    let name = Name::from_utf8(host).map_err(|error| error.to_string())?;
    let known = from_hosts(files, &name);
    if !known.is_empty() {
        return Ok(known);
    }
    let resolver = name_servers(files)?;
    let found = resolver.lookup_ip(name).await.map_err(|error| error.to_string())?;
    Ok(found.iter().collect())
}

fn from_hosts(files: &NameFiles, name: &Name) -> Vec<IpAddr> {
    let mut hosts = Hosts::default();
    // A node without the file has no names in it.
    let Ok(()) = fs::File::open(&files.hosts).and_then(|file| hosts.read_hosts_conf(file)) else {
        return Vec::new();
    };
    let lookups = [RecordType::A, RecordType::AAAA]
        .into_iter()
        .filter_map(|kind| hosts.lookup_static_host(&Query::query(name.to_lowercase(), kind)));
    lookups
        .flat_map(|lookup| {
            lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>()
        })
        .collect()
}

fn name_servers(files: &NameFiles) -> Result<TokioResolver, String> {
    let configured = fs::read(&files.resolv_conf)
        .map_err(|error| error.to_string())
        .and_then(|text| system_conf::parse_resolv_conf(text).map_err(|error| error.to_string()));
    // resolv.conf(5): without a name server it is the one of this machine.
    let (config, mut options) = configured.unwrap_or_else(|_| {
        let local = NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into());
        (ResolverConfig::from_parts(None, Vec::new(), vec![local]), ResolverOpts::default())
    });
    options.use_hosts_file = ResolveHosts::Never;
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        .with_options(options)
        .build()
        .map_err(|error| error.to_string())
}
