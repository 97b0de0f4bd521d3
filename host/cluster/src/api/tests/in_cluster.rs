//! The server as a pod finds it.

use super::double::Reply;
use super::tls::Authority;
use super::*;

const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";

fn connect(folder: &Folder, environment: &[(&str, &str)]) -> Result<ApiServer, AccessError> {
    let access = ApiAccess {
        kubeconfig: None,
        deadline: Instant::now() + LONG,
        patience: LONG,
        request_timeout: LONG,
    };
    ApiServer::connect_from(&access, &folder.surroundings(environment))
}

#[test]
fn the_environment_says_whether_there_is_a_cluster() {
    let rows: [(&[(&str, &str)], bool); 5] = [
        (&[], false),
        (&[(HOST, "10.0.0.1")], false),
        (&[(PORT, "443")], false),
        (&[(HOST, "10.0.0.1"), (PORT, "")], false),
        (&[(HOST, "10.0.0.1"), (PORT, "443")], true),
    ];
    let folder = Folder::new();
    for (environment, available) in rows {
        let surroundings = folder.surroundings(environment);
        assert_eq!(ApiServer::in_cluster_available(&surroundings.environment), available, "{environment:?}");
    }
    let error = connect(&folder, &[]).err().unwrap().to_string();
    assert!(error.contains("`kubeconfig`") && error.contains(HOST), "{error}");
}

#[test]
fn the_service_account_speaks_for_the_pod() {
    let authority = Authority::new();
    let double = Double::https(authority.server("127.0.0.1"), |_, _| Reply::json(POD));
    let folder = Folder::new();
    folder.write("serviceaccount/ca.crt", authority.pem());
    folder.write("serviceaccount/token", "of-the-account");
    let port = double.port.to_string();
    let source = connect(&folder, &[(HOST, "127.0.0.1"), (PORT, &port)]).unwrap();
    assert!(source.pod("red", "web").unwrap().is_some());
    assert_eq!(double.seen()[0].header("authorization"), "Bearer of-the-account");
}

#[test]
fn what_is_missing_is_named() {
    let folder = Folder::new();
    let here = [(HOST, "fd00::1"), (PORT, "443")];
    let error = connect(&folder, &here).err().unwrap().to_string();
    assert!(error.contains("serviceaccount/ca.crt"), "{error}");
    folder.write("serviceaccount/ca.crt", "not a certificate");
    let error = connect(&folder, &here).err().unwrap().to_string();
    assert!(error.contains("ca.crt: there is no PEM certificate in it"), "{error}");
    folder.write("serviceaccount/ca.crt", Authority::new().pem());
    assert_eq!(connect(&folder, &here).unwrap().server.url.as_ref(), "https://[fd00::1]:443");
    let error = connect(&folder, &[(HOST, "a b"), (PORT, "x")]).err().unwrap().to_string();
    assert!(error.contains("KUBERNETES_SERVICE_HOST=`a b` and KUBERNETES_SERVICE_PORT=`x`"), "{error}");
}
