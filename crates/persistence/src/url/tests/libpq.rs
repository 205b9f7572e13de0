//! Compares this crate's reading of random URLs with those of libpq, through `psql`, and of
//! tokio-postgres.
//!
//! `psql` connects to a server of this file, which has no TLS and records who connects to which
//! database with which password.

mod psql;
mod server;

use std::cell::{Cell, RefCell};
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config as Cases, TestRunner};
use tokio_postgres::config::Host;

use self::psql::{END, Psql};
use self::server::Server;
use super::{PostgresLocation, TlsMode, postgres};

/// Checks that this crate reads a URL as `psql` does, if it accepts the URL.
fn compare(server: &Server, psql: &mut Psql<'_>, url: &str) -> Result<bool, TestCaseError> {
    let Ok(ours) = postgres(url) else { return Ok(false) };
    // `psql` would connect to the address 0.0.0.7.
    let is_number = |host: &Host| name(host).bytes().all(|byte| byte.is_ascii_digit());
    if ours.config.get_hosts().iter().any(is_number) {
        return Ok(false);
    }
    server.record.lock().unwrap().clear();
    let messages = psql.connect(url);
    // A `psql` that was started again is the last.
    let seen = std::mem::take(&mut *server.record.lock().unwrap());
    let seen = &seen[..seen.len() - usize::from(!messages.ends_with(END))];
    prop_assert!(!messages.contains("invalid"), "psql rejects {url}: {messages}");
    // The hosts that are not 127.0.0.1 or the socket fail, and `psql` reports their names.
    let mut hosts: Vec<String> = ours.config.get_hosts().iter().map(name).collect();
    for failed in messages.split("could not translate host name \"").skip(1) {
        let failed = failed.split('"').next().unwrap_or_default();
        prop_assert!(hosts.iter().any(|host| host == failed), "{url}: {failed} is not in {hosts:?}");
    }
    for (host, address) in hosts.iter_mut().zip(ours.config.get_hostaddrs()) {
        *host = address.to_string();
    }
    let reached = hosts.iter().enumerate().filter(|(index, host)| {
        let known = [("127.0.0.1", 0), ("127.0.0.1", 1), (server.folder.path().to_str().unwrap(), 0)];
        known
            .iter()
            .any(|(known, port)| *known == host.as_str() && port_of(&ours, *index) == server.ports[*port])
    });
    let Some((index, host)) = reached.clone().next() else {
        prop_assert_eq!(seen, &[], "{}", url);
        return Ok(true);
    };
    prop_assert!(!seen.is_empty(), "psql does not reach {host} of {url}: {messages}");
    let first = &seen[0];
    prop_assert_eq!((&first.host, first.port), (host, port_of(&ours, index)), "{}", url);
    let is_socket = host.starts_with('/');
    prop_assert_eq!(first.asked_for_tls, !is_socket && ours.tls != TlsMode::Disable, "{}: {:?}", url, first);
    let is_required = !is_socket && !matches!(ours.tls, TlsMode::Disable | TlsMode::Prefer);
    prop_assert_eq!(first.startup.is_empty(), is_required, "{}: {:?}", url, ours.tls);
    if is_required {
        return Ok(true);
    }
    let config = &ours.config;
    prop_assert_eq!(first.startup("database"), config.get_dbname(), "{}", url);
    if config.get_user().is_some() {
        prop_assert_eq!(first.startup("user"), config.get_user(), "{}", url);
    }
    prop_assert_eq!(&first.password[..], config.get_password().unwrap_or_default(), "{}", url);
    if let Some(ours) = config.get_application_name() {
        // The server of this test reads invalid UTF-8 as replacement characters, and so does not
        // see a difference that libpq cannot have.
        prop_assert!(
            matches!(first.startup("application_name"), Some(theirs) if theirs == ours || ours.is_empty()),
            "{url}"
        );
    }
    if let Some(options) = config.get_options().filter(|options| !options.is_empty()) {
        prop_assert_eq!(first.startup("options"), Some(options), "{}", url);
    }
    Ok(true)
}

fn name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    }
}

fn port_of(location: &PostgresLocation, index: usize) -> u16 {
    let ports = location.config.get_ports();
    ports.get(index).or(ports.first()).copied().unwrap_or(5432)
}

/// Text as a person types it into a URL: with the characters that separate its parts.
fn text() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "a", "Z", "7", "2024", "ä", "#", "?", ":", "&", "=", "+", "!", "$", ";", ",", "[", "]", "\\", "'",
        "\"", "%20", "%23", "%2F", "%40", "%3a", "%25", "%", "@", "/", "%FF", "word", "~", "*", "(", "|",
        "{",
    ]);
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// Text that is percent-encoded where libpq needs it.
fn encoded() -> impl Strategy<Value = String> {
    text().prop_map(|text| {
        let encode = |byte: u8| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(encode).collect()
    })
}

/// Text, three times of four encoded.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![3 => encoded(), 1 => text()]
}

fn hosts(ports: [u16; 2], folder: &Path) -> impl Strategy<Value = String> + use<> {
    let socket = folder.display().to_string().replace('/', "%2F");
    let host = select(vec![
        format!("127.0.0.1:{}", ports[0]),
        format!("127.0.0.1:{}", ports[1]),
        format!("{socket}:{}", ports[0]),
        format!("[::1]:{}", ports[0]),
        "127.0.0.1:1".to_owned(),
        "h.test".to_owned(),
        String::new(),
    ]);
    let odd = (host.clone(), text()).prop_map(|(host, text)| host + &text);
    prop::collection::vec(prop_oneof![8 => host, 1 => odd], 1..3).prop_map(|hosts| hosts.join(","))
}

fn query(ports: [u16; 2], folder: &Path) -> impl Strategy<Value = String> + use<> {
    let folder = folder.display().to_string();
    let mode =
        select(vec!["disable", "prefer", "require", "verify-full", "verify-ca", "allow", "", "Require"]);
    let parameter = prop_oneof![
        4 => mode.prop_map(|mode| format!("sslmode={mode}")),
        1 => select(vec!["ssl=true", "ssl=1", "sslrootcert=/none.pem", "schema=public"])
            .prop_map(str::to_owned),
        1 => Just(format!("host={folder}&port={}", ports[0])),
        1 => select(ports.to_vec()).prop_map(|port| format!("host=127.0.0.1&port={port}")),
        1 => select(ports.to_vec()).prop_map(|port| format!("hostaddr=127.0.0.1&port={port}")),
        1 => value().prop_map(|value| format!("dbname={value}")),
        1 => value().prop_map(|value| format!("user={value}")),
        1 => value().prop_map(|value| format!("password={value}")),
        1 => value().prop_map(|value| format!("application_name={value}")),
        1 => value().prop_map(|value| format!("options={value}")),
        1 => select(vec!["connect_timeout=2", "keepalives=0"]).prop_map(str::to_owned),
        1 => text(),
    ];
    prop::collection::vec(parameter, 0..4).prop_map(|parameters| parameters.join("&"))
}

fn urls(ports: [u16; 2], folder: &Path) -> impl Strategy<Value = String> + use<> {
    let scheme = select(vec!["postgres://", "postgresql://"]);
    let credentials = prop_oneof![
        1 => Just(String::new()),
        4 => (value(), value()).prop_map(|(user, password)| format!("{user}:{password}@")),
        1 => value().prop_map(|user| format!("{user}@")),
        1 => (text(), text()).prop_map(|(user, password)| format!("{user}:{password}@")),
    ];
    let path = prop_oneof![6 => value().prop_map(|name| format!("/d{name}")), 1 => text()];
    (scheme, credentials, hosts(ports, folder), path, prop::option::of(query(ports, folder))).prop_map(
        |(scheme, credentials, hosts, path, query)| {
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            format!("{scheme}{credentials}{hosts}{path}{query}")
        },
    )
}

fn runner() -> TestRunner {
    // `PROPTEST_CASES` sets another number.
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000);
    TestRunner::new(Cases { cases, failure_persistence: None, ..Cases::default() })
}

#[test]
fn parse_reads_random_urls_as_psql_does() {
    let server = Server::start();
    let psql = RefCell::new(Psql::start(&server));
    let accepted = Cell::new(0_u32);
    let mut runner = runner();
    let outcome = runner.run(&urls(server.ports, server.folder.path()), |url| {
        let was_accepted = compare(&server, &mut psql.borrow_mut(), &url)?;
        accepted.set(accepted.get() + u32::from(was_accepted));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let (accepted, cases) = (accepted.get(), runner.config().cases);
    assert!(accepted > cases / 5, "only {accepted} of {cases} were accepted, so little was compared");
}

/// The URLs of bug reports, in which a second parser found another host or no `sslmode`.
#[test]
fn parse_reads_the_urls_of_bug_reports_as_psql_does() {
    let server = Server::start();
    let mut psql = Psql::start(&server);
    let [first, second] = server.ports;
    let folder = server.folder.path().display();
    for url in [
        format!("postgres://u:2024#word@127.0.0.1:{first}/db?sslmode=require"),
        format!("postgres://u:2024?word@127.0.0.1:{first}/db?sslmode=require"),
        format!("postgres://u:2024#word@127.0.0.1:{first}/db?sslmode=disable"),
        format!("postgres://u:p#q?r@127.0.0.1:{first}/db"),
        format!("postgresql://user@/db?host={folder}&port={first}"),
        format!("postgresql://user:pw@h.test:1/db?host={folder}&port={first}&sslmode=require"),
        format!("postgres://u:p@h.test,127.0.0.1:{second}/db?sslmode=prefer"),
        format!("postgres://u:p@127.0.0.1:1,127.0.0.1:{second}/db?ssl=true"),
        format!("postgres://u:p@127.0.0.1:{first}/a/b#c?application_name=x%26y"),
        format!(
            "postgres://u:p@127.0.0.1:{first}/db?host=127.0.0.1&port={second}&user=v&password=w&dbname=x"
        ),
    ] {
        match compare(&server, &mut psql, &url) {
            Ok(accepted) => assert!(accepted, "{url} was rejected"),
            Err(failure) => panic!("{failure}"),
        }
    }
}

/// A URL without any special character, which every parser reads the same.
#[test]
fn parse_reads_plain_urls_as_tokio_postgres_does() {
    let word = "[a-z0-9]{1,8}";
    let plain = (word, word, word, 1_u16.., word, select(vec!["disable", "prefer", "require"]));
    let outcome = runner().run(&plain, |(user, password, host, port, name, mode)| {
        let url = format!("postgres://{user}:{password}@{host}.example:{port}/{name}?sslmode={mode}");
        let ours = postgres(&url).map_err(|error| TestCaseError::fail(error.to_string()))?.config;
        let theirs: tokio_postgres::Config = url.parse().unwrap();
        prop_assert_eq!(ours.get_user(), theirs.get_user());
        prop_assert_eq!(ours.get_password(), theirs.get_password());
        prop_assert_eq!(ours.get_dbname(), theirs.get_dbname());
        prop_assert_eq!(ours.get_hosts(), theirs.get_hosts());
        prop_assert_eq!(ours.get_ports(), theirs.get_ports());
        prop_assert_eq!(ours.get_ssl_mode(), theirs.get_ssl_mode());
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// No message repeats a password, with any text around it.
#[test]
fn parse_never_repeats_a_password_in_a_message() {
    let around = (text(), text(), text(), text(), text());
    let outcome = runner().run(&around, |(user, before, after, host, rest)| {
        let url = format!("postgres://{user}:{before}canary{after}@{host}/{rest}");
        if let Err(error) = url.parse::<super::DatabaseUrl>() {
            prop_assert!(!error.to_string().contains("canary"), "{url}: {error}");
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
