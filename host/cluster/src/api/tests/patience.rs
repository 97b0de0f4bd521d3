//! What is tried again, and for how long. "Bounded" is a minute: what hangs, hangs for ever.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::double::Reply;
use super::*;

fn answer(status: u16, headers: Vec<(&'static str, String)>) -> Reply {
    Reply::Answer { status, headers, body: String::new() }
}

#[test]
fn what_passes_is_tried_again() {
    let faults: [fn() -> Reply; 7] = [
        || Reply::refuse(500, "etcdserver: leader changed"),
        || Reply::refuse(503, "apiserver is shutting down"),
        || Reply::refuse(429, "too many requests"),
        || answer(502, vec![]),
        || answer(504, vec![]),
        || Reply::refuse(409, "the object has been modified"),
        || Reply::Close,
    ];
    for (row, fault) in faults.into_iter().enumerate() {
        let double = Double::http(move |_, before| if before < 2 { fault() } else { Reply::json(POD) });
        assert!(source(&double, LONG).pod("red", "web").unwrap().is_some(), "row {row}");
        assert!(double.lines().len() >= 3, "row {row}");
    }
}

#[test]
fn the_server_says_when_to_come_back() {
    let double = Double::http(|_, before| match before {
        0 => answer(429, vec![("retry-after", "1".to_owned())]),
        _ => Reply::json(POD),
    });
    assert!(source(&double, LONG).pod("red", "web").unwrap().is_some());
    let [first, second] = double.seen().try_into().unwrap();
    assert!(second.at - first.at >= Duration::from_secs(1));
}

#[test]
fn nobody_waits_for_a_server_that_wants_more_time_than_there_is() {
    let double = Double::http(|_, _| answer(503, vec![("retry-after", "3600".to_owned())]));
    let begun = Instant::now();
    let error = source(&double, LONG).pod("red", "web").unwrap_err().to_string();
    assert!(begun.elapsed() < LONG && error.contains("503"), "{error}");
    assert_eq!(double.lines().len(), 1);
}

#[test]
fn a_server_that_stays_broken_is_given_up_at_the_deadline() {
    let double = Double::http(|_, _| Reply::refuse(500, "no leader"));
    let begun = Instant::now();
    let error = source(&double, Duration::from_secs(1)).pod("red", "web").unwrap_err().to_string();
    assert!(begun.elapsed() < LONG, "{error}");
    let times = double.lines().len();
    assert!(times > 1 && error.contains(&format!("asked {times} times in ")), "{error}");
    assert!(error.ends_with("500, no leader"), "{error}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_at_the_deadline() {
    let double = Double::http(|_, _| Reply::Silence);
    let begun = Instant::now();
    let error = source(&double, Duration::from_millis(500)).pod("red", "web").unwrap_err();
    assert!(begun.elapsed() < LONG, "{error}");
    let SourceError::Api(error) = error else { panic!("{error}") };
    assert!(matches!(*error.refusal, Refusal::Slow(_)), "{error}");
}

/// The first request is swallowed, as by a server that dies; the second one is answered.
#[test]
fn one_slow_request_does_not_use_up_the_call() {
    let double = Double::http(|_, before| if before == 0 { Reply::Silence } else { Reply::json(POD) });
    let folder = Folder::new();
    let kubeconfig = folder.kubeconfig(&format!("server: \"{}\"", double.url), "");
    let access = ApiAccess { request_timeout: Duration::from_millis(200), ..access(&kubeconfig, LONG) };
    assert!(folder.connect(&access).unwrap().pod("red", "web").unwrap().is_some());
}

/// The head of the answer comes, its body never does.
#[test]
fn half_an_answer_is_given_up_as_well() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"metadata\":");
            open.push(stream);
        }
    });
    let folder = Folder::new();
    let kubeconfig = folder.kubeconfig(&format!("server: \"{url}\""), "");
    let begun = Instant::now();
    let source = folder.connect(&access(&kubeconfig, Duration::from_millis(500))).unwrap();
    let error = source.pod("red", "web").unwrap_err().to_string();
    assert!(begun.elapsed() < LONG && error.contains("no answer within"), "{error}");
}

/// Delegates ran between the two requests, and the server closed what it took for idle.
#[test]
fn a_connection_that_went_away_meanwhile_is_opened_anew() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{POD}", POD.len());
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let folder = Folder::new();
    let kubeconfig = folder.kubeconfig(&format!("server: \"{url}\""), "");
    let source = folder.connect(&access(&kubeconfig, LONG)).unwrap();
    assert!(source.pod("red", "web").unwrap().is_some());
    thread::sleep(Duration::from_millis(100));
    assert!(source.pod("red", "web").unwrap().is_some());
    server.join().unwrap();
}

#[test]
fn nobody_there_is_bounded_and_says_who_was_looked_for() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = Folder::new();
    let kubeconfig = folder.kubeconfig(&format!("server: \"http://{closed}\""), "");
    let begun = Instant::now();
    let source = folder.connect(&access(&kubeconfig, Duration::from_secs(1))).unwrap();
    let error = source.pod("red", "web").unwrap_err().to_string();
    assert!(begun.elapsed() < LONG, "{error}");
    for part in
        [&format!("API server http://{closed}, asked "), "Connection refused", "check that the server runs"]
    {
        assert!(error.contains(part), "{part:?} in {error}");
    }
}

#[test]
fn a_server_far_away_works() {
    let late = |body: &str| Reply::Late(Duration::from_millis(700), Box::new(Reply::json(body)));
    let double = Double::http(move |seen, _| match seen.line.contains("network-attachment") {
        true => late(r#"{"metadata":{},"spec":{"config":"{}"}}"#),
        false => late(POD),
    });
    let source = source(&double, LONG);
    assert!(source.pod("red", "web").unwrap().is_some());
    assert!(
        source.networks(&[reference("red", "a"), reference("red", "b")]).unwrap().iter().all(Result::is_ok)
    );
    source.set_network_status(&web(Some("u-1")), Some("[]")).unwrap();
    assert_eq!(double.lines().len(), 4, "none was asked twice");
}

#[test]
fn after_the_deadline_nothing_is_asked() {
    let double = Double::http(|_, _| Reply::json(POD));
    let error = source(&double, Duration::ZERO).pod("red", "web").unwrap_err().to_string();
    assert!(error.ends_with("the time for this call is up"), "{error}");
    assert_eq!(double.lines(), Vec::<String>::new());
}
