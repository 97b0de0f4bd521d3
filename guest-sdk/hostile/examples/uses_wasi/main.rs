//! A transform that calls each interface of WASI and tells what it saw, or misuses one of them.

#![allow(clippy::panic, reason = "this is what a broken component does")]

#[allow(unsafe_code, reason = "generated")]
mod sys;

use multus_guest::{Attachment, Failure, Plugin};
use serde_json::{Value, json};
use sys::wasi::cli::{environment, exit, stderr, stdin, stdout};
use sys::wasi::cli::{terminal_stderr, terminal_stdin, terminal_stdout};
use sys::wasi::clocks::{monotonic_clock, timezone, wall_clock};
use sys::wasi::filesystem::preopens;
use sys::wasi::http::{outgoing_handler, types as http};
use sys::wasi::io::poll::{self, Pollable};
use sys::wasi::io::streams::OutputStream;
use sys::wasi::random::{insecure, insecure_seed, random};
use sys::wasi::sockets::network::IpAddressFamily;
use sys::wasi::sockets::{instance_network, ip_name_lookup, tcp_create_socket, udp_create_socket};

multus_guest::transform!(look_around);

const HOUR: u64 = 3_600_000_000_000;

#[allow(clippy::ptr_arg, reason = "settings are of the type that they are read as")]
fn look_around(_: &Attachment, plugin: &mut Plugin, settings: &String) -> Result<(), Failure> {
    match settings.as_str() {
        "nothing" => {}
        "look around" => {
            plugin.insert("seen".to_owned(), seen());
        }
        "say" => say(),
        "sleep" => monotonic_clock::subscribe_duration(HOUR).block(),
        "nap without end" => loop {
            monotonic_clock::subscribe_duration(HOUR).block();
        },
        "wait without end" => loop {
            let timer = monotonic_clock::subscribe_duration(HOUR);
            std::hint::black_box(poll::poll(&[&timer]));
        },
        "wait for time to pass" => {
            let start = monotonic_clock::now();
            while monotonic_clock::now() < start + 1 {}
        }
        "wait for nothing" => drop(poll::poll(&[])),
        "wait for too much" => wait_for_too_much(),
        "hoard timers" => hoard(|| monotonic_clock::subscribe_duration(1)),
        "hoard streams" => hoard(stdin::get_stdin),
        "hoard requests" => hoard(http::Fields::new),
        "flood" => (0..100_000).for_each(|number| write(&stderr::get_stderr(), &format!("line {number}\n"))),
        "flood without end of line" => loop {
            write(&stderr::get_stderr(), &"x".repeat(100_000));
        },
        "flood with nothing" => loop {
            drop(stdout::get_stdout().write_zeroes(u64::MAX));
        },
        "write at length" => write(&stdout::get_stdout(), &"x".repeat(3_000_000)),
        "forge" => write(&stdout::get_stdout(), "fine\r\u{1b}[2Jforged\nnext"),
        "read without end" => loop {
            drop(stdin::get_stdin().blocking_read(u64::MAX));
        },
        "random without end" => loop {
            std::hint::black_box(random::get_random_bytes(100_000));
        },
        "random at once" => drop(random::get_random_bytes(u64::MAX)),
        "more random than fits" => drop(random::get_random_bytes(1 << 21)),
        "exit well" => exit::exit(Ok(())),
        "exit" => exit::exit(Err(())),
        "exit with a code" => exit::exit_with_code(7),
        "say and exit" => {
            write(&stderr::get_stderr(), "no such subnet\n");
            exit::exit(Err(()));
        }
        "say and crash" => {
            write(&stderr::get_stderr(), "Traceback\nValueError: no such subnet");
            std::process::abort();
        }
        "ask for the hour" => drop(timezone::utc_offset(wall_clock::now())),
        other => return Err(Failure::new(7, format!("cannot {other}"))),
    }
    Ok(())
}

fn write(stream: &OutputStream, text: &str) {
    if stream.blocking_write_and_flush(text.as_bytes()).is_err() {
        panic!("it can't write");
    }
}

fn say() {
    let (out, err) = (stdout::get_stdout(), stderr::get_stderr());
    write(&out, "one\n\ntwo, ");
    write(&err, "be careful\n");
    write(&out, "and more");
}

fn hoard<T>(mut one: impl FnMut() -> T) {
    let mut kept = Vec::new();
    loop {
        kept.push(one());
    }
}

fn wait_for_too_much() {
    let timer = monotonic_clock::subscribe_duration(1);
    let all: Vec<&Pollable> = std::iter::repeat_n(&timer, 1_000_000).collect();
    std::hint::black_box(poll::poll(&all));
}

/// What a module sees of each interface that has something to ask.
fn seen() -> Value {
    let network = instance_network::instance_network();
    let directories = preopens::get_directories();
    json!({
        "cli/environment": [
            environment::get_environment(), environment::get_arguments(), environment::initial_cwd(),
        ],
        "cli/stdin": format!("{:?}", stdin::get_stdin().blocking_read(1)),
        "cli/stdout": format!("{:?}", stdout::get_stdout().check_write()),
        "cli/stderr": format!("{:?}", stderr::get_stderr().blocking_flush()),
        "cli/terminal-*": [
            terminal_stdin::get_terminal_stdin().is_some(),
            terminal_stdout::get_terminal_stdout().is_some(),
            terminal_stderr::get_terminal_stderr().is_some(),
        ],
        "io/streams": [
            format!("{:?}", stdin::get_stdin().skip(1)),
            format!("{:?}", stdout::get_stdout().splice(&stdin::get_stdin(), 1)),
        ],
        "io/poll": poll::poll(&[&stdin::get_stdin().subscribe(), &stdout::get_stdout().subscribe()]),
        "clocks/monotonic-clock": [monotonic_clock::now(), monotonic_clock::resolution()],
        "clocks/monotonic-clock, slept": [
            monotonic_clock::subscribe_instant(2 * HOUR).ready(), monotonic_clock::subscribe_duration(1).ready(),
        ],
        "clocks/wall-clock": [wall_clock::now().seconds, wall_clock::resolution().seconds],
        "random/random": random::get_random_bytes(4).len(),
        "random/*": numbers(),
        "filesystem/preopens": directories.len(),
        "filesystem/types": directories.iter().map(|(folder, _)| format!("{:?}", folder.open_at("etc"))).collect::<Vec<_>>(),
        "sockets/ip-name-lookup": format!("{:?}", ip_name_lookup::resolve_addresses(&network, "example.org").err()),
        "sockets/tcp": format!("{:?}", tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4).err()),
        "sockets/udp": format!("{:?}", udp_create_socket::create_udp_socket(IpAddressFamily::Ipv6).err()),
        "http": requested(),
    })
}

fn numbers() -> Vec<u64> {
    let (one, two) = insecure_seed::insecure_seed();
    let bytes = insecure::get_insecure_random_bytes(1).into_iter().map(u64::from);
    bytes.chain([random::get_random_u64(), insecure::get_insecure_random_u64(), one, two]).collect()
}

fn requested() -> Value {
    let fields = http::Fields::new();
    let accepted = fields.get("accept").len();
    let request = http::OutgoingRequest::new(fields);
    let authority = request.set_authority(Some("example.org"));
    let answer = outgoing_handler::handle(request, None).err();
    json!([accepted, format!("{authority:?}"), format!("{answer:?}")])
}
