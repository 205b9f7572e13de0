mod libpq;

use rstest::rstest;
use tokio_postgres::config::{ChannelBinding, Host, SslMode};

use std::path::Path;
use std::time::Duration;

use super::*;

fn postgres(text: &str) -> Result<PostgresLocation, UrlError> {
    match text.parse::<DatabaseUrl>()?.0 {
        Location::Postgres(location) => Ok(*location),
        Location::Sqlite(_) => fail("sqlite"),
    }
}

fn tls(text: &str) -> Result<TlsMode, UrlError> {
    postgres(text).map(|location| location.tls)
}

fn error(text: &str) -> String {
    text.parse::<DatabaseUrl>().unwrap_err().to_string()
}

fn host(name: &str) -> Host {
    Host::Tcp(name.to_owned())
}

fn socket(folder: &str) -> Host {
    Host::Unix(folder.into())
}

#[test]
fn parse_reads_relative_and_absolute_files() {
    for (text, path) in [("sqlite://data/day.db", "data/day.db"), ("sqlite:///var/day.db", "/var/day.db")] {
        assert_eq!(text.parse::<DatabaseUrl>().unwrap().sqlite_path(), Some(Path::new(path)));
    }
}

#[test]
fn parse_reads_or_rejects_every_sslmode() {
    let base = "postgres://u:p@h/d?application_name=a%20b&sslmode=";
    assert_eq!(tls("postgres://u@h/d"), Ok(TlsMode::Prefer));
    assert_eq!(tls(&format!("{base}disable")), Ok(TlsMode::Disable));
    assert_eq!(tls(&format!("{base}require")), Ok(TlsMode::Require));
    assert!(tls(&format!("{base}verify-ca")).is_err(), "a certificate of any public authority for any name");
    assert_eq!(tls("postgres://u@h/d?sslrootcert=system"), Ok(TlsMode::VerifyFull(None)));
    assert!(tls(&format!("{base}require&sslrootcert=system")).is_err());
    assert_eq!(
        tls(&format!("{base}verify-full&sslrootcert=/ca.pem")),
        Ok(TlsMode::VerifyFull(Some("/ca.pem".into())))
    );
    assert_eq!(tls(&format!("{base}require&sslrootcert=/ca.pem")), Ok(TlsMode::VerifyCa("/ca.pem".into())));
    for rejected in ["allow", "", "VERIFY-FULL", "on"] {
        assert!(tls(&format!("{base}{rejected}")).is_err(), "{rejected}");
    }
}

#[rstest]
#[case::a_hash_in_the_password("postgres://u:2024#word@host/db?sslmode=require", "2024#word")]
#[case::a_question_mark_in_the_password("postgres://u:2024?word@host/db?sslmode=require", "2024?word")]
#[case::both("postgres://u:a?b#c?d@host/db?sslmode=require", "a?b#c?d")]
#[case::a_colon("postgres://u::a:b:@host/db?sslmode=require", ":a:b:")]
#[case::a_bracket("postgres://u:[a]{b}@host/db?sslmode=require", "[a]{b}")]
#[case::other_characters(
    "postgres://u:!$&'()*+,;=\"<>\\^`|~ä@host/db?sslmode=require",
    "!$&'()*+,;=\"<>\\^`|~ä"
)]
#[case::percent_encoded("postgres://u:%23%3f%40%2F%25@host/db?sslmode=require", "#?@/%")]
#[case::in_the_query("postgres://u:old@host/db?password=a+b%26c&sslmode=require", "a+b&c")]
#[case::the_form_of_jdbc("postgres://u:2024#word@host/db?ssl=true", "2024#word")]
fn parse_splits_a_password_as_libpq_does(#[case] text: &str, #[case] password: &str) {
    let location = postgres(text).unwrap();
    assert_eq!(location.config.get_password(), Some(password.as_bytes()));
    assert_eq!(location.config.get_user(), Some("u"));
    assert_eq!(location.config.get_hosts(), [host("host")]);
    assert_eq!(location.config.get_dbname(), Some("db"));
    assert_eq!(location.tls, TlsMode::Require);
    assert_eq!(location.config.get_ssl_mode(), SslMode::Require);
}

#[test]
fn parse_accepts_a_password_that_is_not_utf8() {
    let location = postgres("postgres://u:%FF@h/d").unwrap();
    assert_eq!(location.config.get_password(), Some(&b"\xff"[..]));
    assert_eq!(error("postgres://%FF@h/d"), "has a user that is not UTF-8");
}

#[test]
fn parse_takes_a_plus_literally() {
    let url: DatabaseUrl = "postgres://u:a+b@h/d?sslmode=disable&application_name=c+d%20e".parse().unwrap();
    let Location::Postgres(location) = url.0 else { panic!("not PostgreSQL") };
    assert_eq!(location.config.get_password(), Some(&b"a+b"[..]));
    assert_eq!(location.config.get_application_name(), Some("c+d e"));
}

#[rstest]
#[case::one("postgres://u@a/d", vec![host("a")], vec![])]
#[case::a_port("postgres://u@a:6432/d", vec![host("a")], vec![6432])]
#[case::several_with_ports("postgres://u@a:1,b/d", vec![host("a"), host("b")], vec![1, 5432])]
#[case::several_without_ports("postgres://u@a,b/d", vec![host("a"), host("b")], vec![])]
#[case::ipv6("postgres://u@[::1]:7,[fe80::1%25e]/d", vec![host("::1"), host("fe80::1%e")], vec![7, 5432])]
#[case::a_socket("postgresql://user@/db?host=/run/sockets", vec![socket("/run/sockets")], vec![])]
#[case::an_encoded_socket("postgres://u@%2Frun%2Fsockets:5433/d", vec![socket("/run/sockets")], vec![5433])]
#[case::two_sockets("postgres://u@/d?host=/a,/b", vec![socket("/a"), socket("/b")], vec![])]
#[case::the_query_replaces("postgres://u@a:1/d?host=b&port=2", vec![host("b")], vec![2])]
#[case::the_query_is_a_list("postgres://u@/d?host=a,b&port=1,2", vec![host("a"), host("b")], vec![1, 2])]
#[case::one_port_for_all("postgres://u@a,b/d?port=7", vec![host("a"), host("b")], vec![7])]
#[case::an_address("postgres://u@/d?hostaddr=127.0.0.1", vec![host("127.0.0.1")], vec![])]
#[case::a_name_and_an_address("postgres://u@a/d?hostaddr=127.0.0.1", vec![host("a")], vec![])]
#[case::the_last_of_two("postgres://u@/d?host=a&host=b", vec![host("b")], vec![])]
fn parse_reads_the_hosts(#[case] text: &str, #[case] hosts: Vec<Host>, #[case] ports: Vec<u16>) {
    let location = postgres(text).unwrap();
    assert_eq!(location.config.get_hosts(), hosts);
    assert_eq!(location.config.get_ports(), ports);
}

#[test]
fn parse_takes_an_empty_host_for_the_socket_of_this_machine() {
    for text in ["postgres:///d", "postgres://u@/d", "postgres://u@:5433/d", "postgres://?dbname=d"] {
        let location = postgres(text).unwrap();
        assert!(matches!(location.config.get_hosts(), [Host::Unix(_)]), "{text}");
        assert_eq!(location.tls, TlsMode::Disable, "{text}");
    }
    let location = postgres("postgres://u@,b/d").unwrap();
    assert!(matches!(location.config.get_hosts(), [Host::Unix(_), Host::Tcp(_)]));
}

/// As in libpq, a socket needs no TLS, because its bytes do not leave the machine.
#[test]
fn parse_requires_tls_for_each_host_that_is_no_socket() {
    let location = postgres("postgres://u@/d?host=/run,b,c&port=1,2,3&sslmode=require").unwrap();
    let hosts: Vec<_> = location
        .hosts
        .iter()
        .map(|one| (one.get_hosts().to_vec(), one.get_ports().to_vec(), one.get_ssl_mode()))
        .collect();
    let expected = [
        (vec![socket("/run")], vec![1], SslMode::Disable),
        (vec![host("b")], vec![2], SslMode::Require),
        (vec![host("c")], vec![3], SslMode::Require),
    ];
    assert_eq!(hosts, expected);
    assert_eq!(location.tls, TlsMode::Require);
}

#[test]
fn parse_reads_the_timeout_of_a_connection_for_each_host() {
    for (query, seconds) in [("", 1.5), ("?connect_timeout=7", 7.0), ("?connect_timeout=0", 1.5)] {
        let location = postgres(&format!("postgres://u@a/d{query}")).unwrap();
        assert_eq!(location.connect_timeout.as_secs_f64(), seconds);
        let location = postgres(&format!("postgres://u@a,b/d{query}")).unwrap();
        assert_eq!(location.connect_timeout.as_secs_f64(), 2.0 * seconds);
        assert_eq!(location.config.get_connect_timeout().unwrap().as_secs_f64(), seconds);
    }
    assert!(error("postgres://u@h/d?connect_timeout=soon").contains("connect_timeout"));
}

#[test]
fn parse_reads_the_parameters_that_hosting_services_write() {
    let neon = "postgresql://u:p@ep-cool-1.eu-1.aws.example/d?sslmode=require&channel_binding=require";
    let location = postgres(neon).unwrap();
    assert_eq!(location.config.get_channel_binding(), ChannelBinding::Require);
    let options = "postgres://u@h/d?options=-c%20search_path%3Dday&target_session_attrs=read-write\
                   &load_balance_hosts=random&keepalives_count=3&tcp_user_timeout=900&gssencmode=disable\
                   &client_encoding=utf8&sslsni=1&fallback_application_name=day&";
    let location = postgres(options).unwrap();
    assert_eq!(location.config.get_options(), Some("-c search_path=day"));
    assert_eq!(location.config.get_application_name(), Some("day"));
    assert_eq!(location.config.get_tcp_user_timeout(), Some(&Duration::from_millis(900)));
}

#[rstest]
#[case::a_second_at("postgres://u:canary@canary@h/d", "%40")]
#[case::an_encoded_at_and_a_bare_one("postgres://u:a%40canary@b@h/d", "%40")]
#[case::a_slash("postgres://u:canary/canary@h/d", "%2F")]
#[case::a_slash_after_digits("postgres://u:2024/canary@h/d?sslmode=require", "%2F")]
#[case::a_slash_and_a_question_mark("postgres://u:20/canary?a=canary@h/d", "%2F")]
#[case::an_at_and_a_slash("postgres://u:canary@h/canary@h/d", "%40")]
#[case::an_at_in_the_query("postgres://u:canary@h/d?canary=a@h/d", "%40")]
#[case::a_question_mark_after_a_host("postgres://h:5432?application_name=canary@x/d", "%3F")]
#[case::a_question_mark_after_a_name("postgres://h?password=canary@x/d", "%3F")]
#[case::a_percent("postgres://u:50%-canary@h/d", "%25")]
#[case::a_percent_at_the_end("postgres://u:canary%@h/d", "%25")]
#[case::a_nul("postgres://u:canary%00@h/d", "%00")]
#[case::a_space("postgres://u:can ary@h/d", "%20")]
#[case::a_line_break("postgres://u:canary@h/d\n", "white space")]
#[case::a_control_character("postgres://u:canary\u{1}@h/d", "control character")]
#[case::a_port_that_is_no_number("postgres://canary:canary/d", "port")]
#[case::a_port_beyond_the_range("postgres://u@h:65536/d", "port")]
#[case::port_zero("postgres://u@h:0/d", "port")]
#[case::a_signed_port("postgres://u@h:+5/d", "port")]
#[case::two_ports_for_three_hosts("postgres://u@/d?host=a,b,c&port=1,2", "ports")]
#[case::ipv6_without_brackets("postgres://u@2001:db8::1/d", "brackets")]
#[case::an_open_bracket("postgres://u@[::1/d", "[::1]")]
#[case::text_after_a_bracket("postgres://u@[::1]canary/d", "[::1]")]
#[case::an_empty_bracket("postgres://u@[]/d", "[::1]")]
#[case::an_address_and_a_socket("postgres://u@%2Frun/d?hostaddr=127.0.0.1&sslmode=require", "hostaddr")]
#[case::two_addresses_for_one_host("postgres://u@h/d?hostaddr=127.0.0.1,::1", "hostaddr")]
#[case::an_address_that_is_a_name("postgres://u@h/d?hostaddr=localhost", "hostaddr")]
#[case::a_hash_in_the_host("postgres://u:p@ho#st/d", "#")]
#[case::a_backslash_in_the_host("postgres://u:p@ho\\st/d", "\\")]
#[case::an_abstract_socket("postgres://u@/d?host=%40canary", "abstract")]
#[case::a_schema("postgres://u:canary@h/d?schema=public", "schema")]
#[case::a_schema_of_jdbc("postgres://u:canary@h/d?currentSchema=public", "search_path")]
#[case::pgbouncer("postgres://u:canary@h/d?pgbouncer=true", "pgbouncer")]
#[case::connection_limit("postgres://u:canary@h/d?connection_limit=5", "connection_limit")]
#[case::statement_cache("postgres://u@h/d?prepared_statement_cache_size=0", "prepared_statement_cache_size")]
#[case::ssl_of_asyncpg("postgres://u@h/d?ssl=require", "sslmode")]
#[case::upper_case("postgres://u@h/d?SSLMODE=require", "sslmode")]
#[case::a_client_certificate("postgres://u@h/d?sslcert=canary", "sslcert")]
#[case::a_root_without_a_mode("postgres://u@h/d?sslrootcert=/ca.pem", "sslmode=verify-full")]
#[case::a_root_without_tls("postgres://u@h/d?sslrootcert=/ca.pem&sslmode=disable", "sslmode=verify-full")]
#[case::two_modes("postgres://u@h/d?sslmode=require&sslmode=disable", "sslmode")]
#[case::two_forms_of_the_mode("postgres://u@h/d?sslmode=disable&ssl=true", "sslmode")]
#[case::a_fragment_after_the_mode("postgres://u@h/d?sslmode=require#canary", "sslmode")]
#[case::a_newer_tls("postgres://u@h/d?ssl_min_protocol_version=TLSv1.3", "ssl_min_protocol_version")]
#[case::direct_without_tls("postgres://u@h/d?sslnegotiation=direct", "sslnegotiation")]
#[case::kerberos("postgres://u@h/d?gssencmode=require", "gssencmode")]
#[case::an_unknown_name("postgres://u:canary@h/d?nonsense=1", "nonsense")]
#[case::a_name_without_a_value("postgres://u:canary@h/d?canary", "=")]
#[case::two_equals_signs("postgres://u:canary@h/d?options=-c a=b", "%20")]
#[case::an_equals_sign_in_a_value("postgres://u:canary@h/d?options=-ca=b", "%3D")]
#[case::no_database("postgres://u:canary@h", "database")]
#[case::no_database_after_a_slash("postgres://u:canary@h/?sslmode=require", "database")]
#[case::verify_full_without_a_name("postgres://u@/d?hostaddr=::1&sslmode=verify-full", "hostaddr")]
fn parse_rejects_what_libpq_rejects_or_a_person_reads_differently(#[case] text: &str, #[case] named: &str) {
    let sentence = error(text);
    assert!(sentence.contains(named), "{sentence}");
    assert!(!sentence.contains("canary"), "{sentence}");
}

#[test]
fn debug_display_and_errors_leave_the_password_out() {
    let url: DatabaseUrl = "postgres://u:canary@h/d".parse().unwrap();
    assert!(!format!("{url:?} {url}").contains("canary"));
    for broken in ["postgres://u:canary@", "mysql://u:canary@h/d", "postgres://u:canary@h/d?sslmode=canary"] {
        assert!(!broken.parse::<DatabaseUrl>().unwrap_err().to_string().contains("canary"));
    }
}

#[test]
fn parse_rejects_texts_that_name_no_database() {
    for text in ["", "sqlite://", "sqlite://:memory:", "sqlite://a?mode=memory", "sqlite:a", "sqlite://dir/"]
    {
        assert!(text.parse::<DatabaseUrl>().is_err(), "{text:?}");
    }
    for text in ["postgres://", "postgres:///", "postgres://h", "postgres://h/d?nonsense=1", "http://h/d"] {
        assert!(text.parse::<DatabaseUrl>().is_err(), "{text:?}");
    }
}

#[rstest]
#[case::asyncpg("postgresql+asyncpg://u:canary@h/d", "postgres://")]
#[case::psycopg("postgresql+psycopg://u:canary@h/d", "postgres://")]
#[case::psycopg2("postgres+psycopg2://u:canary@h/d", "postgres://")]
#[case::upper_case("POSTGRES://u:canary@h/d", "postgres://")]
#[case::aiosqlite("sqlite+aiosqlite:///./canary.db", "sqlite://")]
#[case::pysqlite("sqlite+pysqlite:////canary.db", "sqlite://")]
fn parse_rejects_the_schemes_of_sqlalchemy_with_the_plain_form(#[case] text: &str, #[case] plain: &str) {
    let sentence = error(text);
    assert!(sentence.starts_with("must begin with "), "{sentence}");
    assert!(sentence.contains(plain) && sentence.contains("database of its own"), "{sentence}");
    assert!(!sentence.contains("canary"), "{sentence}");
}

#[test]
fn parse_rejects_other_schemes_without_repeating_them() {
    for text in [
        "mysql://u:canary@h/d",
        "canary",
        "jdbc:postgresql://h/canary",
        "postgres:u:canary@h",
        "'postgres://c'",
    ] {
        let sentence = error(text);
        assert!(
            sentence.starts_with("must begin with sqlite://, postgres:// or postgresql://"),
            "{sentence}"
        );
        assert!(!sentence.contains("canary"), "{sentence}");
    }
}

#[rstest]
#[case::here("sqlite:///./app.db", "sqlite://app.db")]
#[case::here_below("sqlite:///./data/app.db", "sqlite://data/app.db")]
#[case::above("sqlite:///../app.db", "sqlite://../app.db")]
#[case::in_the_root("sqlite:///app.db", "sqlite://app.db")]
#[case::four_slashes("sqlite:////var/app.db", "sqlite:///var/app.db")]
#[case::memory("sqlite:///:memory:", "memory")]
#[case::memory_of_sqlite("sqlite://:memory:", "memory")]
#[case::a_uri_of_sqlite("sqlite:///file:app.db", "memory")]
#[case::a_uri_in_memory("sqlite:///file::memory:?cache=shared", "memory")]
#[case::a_parameter("sqlite:///var/app.db?check_same_thread=False", "parameters")]
#[case::a_home_folder("sqlite://~/app.db", "~")]
#[case::a_home_folder_after_a_slash("sqlite:///~/app.db", "~")]
#[case::a_space_at_the_end("sqlite://app.db ", "white space")]
#[case::only_slashes("sqlite:///", "path of a file")]
#[case::a_host("sqlite://localhost/app.db", "host")]
#[case::a_user("sqlite://user:pass@host/app.db", "host")]
#[case::a_drive("sqlite://C:/data/app.db", "host")]
#[case::a_variable("sqlite://$HOME/app.db", "$")]
#[case::a_percent("sqlite://%2Ftmp%2Fapp.db", "%")]
#[case::quotes("sqlite://\"app.db\"", "\"")]
#[case::a_backslash("sqlite://data\\app.db", "\\")]
#[case::memory_below("sqlite://./:memory:", "memory")]
#[case::memory_without_a_colon("sqlite://memory:", "host")]
#[case::a_uri_below("sqlite://./file:app.db", "memory")]
#[case::a_semicolon("sqlite://app.db;mode=ro", ";")]
#[case::above_in_an_absolute_path("sqlite:///tmp/../app.db", "..")]
#[case::a_dot_and_two_slashes("sqlite:///.//app.db", "sqlite://app.db")]
fn parse_rejects_the_paths_of_sqlalchemy_with_a_hint(#[case] text: &str, #[case] hint: &str) {
    let sentence = error(text);
    assert!(sentence.contains(hint), "{sentence}");
}
