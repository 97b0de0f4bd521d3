//! What stories need of an API server, be it the double or a real one.

use serde_json::Value;

use super::{Credential, RealApiServer, TestApiServer, manifest};

/// An API server with RBAC, for stories that have to hold at the double and at a real one.
pub trait Cluster {
    /// Puts objects there, new or not; their namespaces come with them. What a server adds by itself (a UID) counts
    /// only where an object does not say it, and not everywhere even then: ask for it with [`Cluster::object`].
    ///
    /// # Panics
    /// If the server does not take one.
    fn load(&self, objects: &[Value]);

    /// The same with manifests in YAML.
    ///
    /// # Panics
    /// As [`Cluster::load`], and if it is not YAML.
    fn load_yaml(&self, text: &str) {
        self.load(&manifest::objects(text));
    }

    /// An object by the plural of its resource.
    fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value>;

    /// All objects of a resource in a namespace.
    fn objects(&self, plural: &str, namespace: &str) -> Vec<Value>;

    /// Takes an object away.
    ///
    /// # Panics
    /// If it is not there.
    fn delete(&self, plural: &str, namespace: &str, name: &str);

    /// A token for a user.
    ///
    /// # Panics
    /// If the server can't have such a user.
    fn token(&self, user: &str) -> String;

    /// A kubeconfig for the server, YAML.
    fn kubeconfig(&self, credential: Credential<'_>) -> String;

    /// Ends all connections and refuses new ones.
    fn stop(&mut self);

    /// Serves again, on the same port, all that was there.
    fn restart(&mut self);

    /// The requests so far, in short, where the server remembers them.
    fn briefs(&self) -> Option<Vec<String>>;
}

/// Methods of the same name and meaning.
macro_rules! cluster {
    ($server:ty, $briefs:expr) => {
        impl Cluster for $server {
            fn load(&self, objects: &[Value]) {
                <$server>::load(self, objects);
            }

            fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
                <$server>::object(self, plural, namespace, name)
            }

            fn objects(&self, plural: &str, namespace: &str) -> Vec<Value> {
                <$server>::objects(self, plural, namespace)
            }

            fn delete(&self, plural: &str, namespace: &str, name: &str) {
                <$server>::delete(self, plural, namespace, name);
            }

            fn token(&self, user: &str) -> String {
                <$server>::token(self, user)
            }

            fn kubeconfig(&self, credential: Credential<'_>) -> String {
                <$server>::kubeconfig(self, credential)
            }

            fn stop(&mut self) {
                <$server>::stop(self);
            }

            fn restart(&mut self) {
                <$server>::restart(self);
            }

            fn briefs(&self) -> Option<Vec<String>> {
                $briefs(self)
            }
        }
    };
}

cluster!(TestApiServer, |server: &TestApiServer| Some(server.briefs()));
cluster!(RealApiServer, |_: &RealApiServer| None);
