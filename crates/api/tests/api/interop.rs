//! Hashes and tokens are compatible with Python's pwdlib and PyJWT, which the FastAPI service uses.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Kind, PASSWORD, SECRET, Server, Start, TEST_TIMEOUT};

const PACKAGES: [&str; 2] = ["pwdlib[argon2]==0.3.1", "pyjwt==2.15.1"];
const INSTALL: &str =
    "Python with venv is needed. On Debian and Ubuntu: apt-get install python3 python3-venv";

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. {INSTALL}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {stdout}{stderr}\n{INSTALL}");
    output
}

/// Creates a virtual environment with both packages in the target folder, once. Returns its Python.
fn interpreter() -> &'static Path {
    static INTERPRETER: OnceLock<PathBuf> = OnceLock::new();
    INTERPRETER.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
        let folder = target.join("interop-venv");
        // Another test run may create it at the same time.
        let lock = std::fs::File::create(target.join("interop-venv.lock")).expect("a file");
        lock.lock().expect("a lock");
        let (python, wanted) = (folder.join("bin/python"), PACKAGES.join(" "));
        let stamp = folder.join("installed");
        if std::fs::read_to_string(&stamp).ok().as_deref() != Some(&wanted) {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            run(Command::new(&python).args(pip).args(PACKAGES));
            std::fs::write(stamp, wanted).expect("a file");
        }
        python
    })
}

/// Runs a script and parses its output as JSON.
fn python(script: &str, arguments: &[&str]) -> Value {
    let output = run(Command::new(interpreter()).args(["-c", script]).args(arguments).env("PYTHONUTF8", "1"));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

const HASH: &str = "import json, pwdlib, sys\n\
    print(json.dumps(pwdlib.PasswordHash.recommended().hash(sys.argv[1])))";
const VERIFY: &str = "import json, pwdlib, sys\n\
    print(json.dumps(pwdlib.PasswordHash.recommended().verify_and_update(sys.argv[1], sys.argv[2])))";
const DECODE: &str = "import json, jwt, sys\n\
    options = {'require': ['user_id', 'iat', 'exp']}\n\
    print(json.dumps(jwt.decode(sys.argv[1], sys.argv[2], algorithms=['HS256'], options=options)))";
const ENCODE: &str = "import datetime, json, jwt, sys\n\
    now = datetime.datetime.now(datetime.timezone.utc)\n\
    claims = {'user_id': sys.argv[1], 'iat': now, 'exp': now + datetime.timedelta(minutes=30)}\n\
    print(json.dumps(jwt.encode(claims, sys.argv[2], algorithm='HS256')))";

const PASSWORDS: [&str; 3] = [PASSWORD, "pässwörd 1 \u{1F511}", " 1 a\u{308} \u{202e}'\"\\$ "];

/// Returns a configuration with the default Argon2 parameters. pwdlib has the same defaults.
fn start(kind: Kind) -> Start {
    Start::on(kind).with("DAYBOOK_ARGON2", "")
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_accepts_and_keeps_pwdlib_hashes(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = start(kind).start().await;
    server.register("ada").await;
    for password in PASSWORDS {
        let hash = python(HASH, &[password]);
        let hash = hash.as_str().unwrap();
        server.execute(&format!("UPDATE users SET password_hash = '{hash}'"));
        let login = server.login_form(&[("username", "ada"), ("password", password)]).await;
        login.expect(StatusCode::OK);
        let wrong = format!("{password}x");
        let login = server.login_form(&[("username", "ada"), ("password", &wrong)]).await;
        login.expect(StatusCode::UNAUTHORIZED);
        assert_eq!(
            server.query("SELECT password_hash FROM users"),
            hash,
            "the hash is kept, because it has daybook's parameters"
        );
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pwdlib_verifies_daybook_hashes(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = start(kind).start().await;
    for (number, password) in PASSWORDS.into_iter().enumerate() {
        let username = format!("user{number}");
        let body =
            json!({ "email": format!("{username}@example.com"), "username": username, "password": password });
        server.post("/auth/register", "", &body).await.expect(StatusCode::CREATED);
        let hash = server.query(&format!("SELECT password_hash FROM users WHERE username = '{username}'"));
        assert!(hash.starts_with("$argon2id$v=19$m=65536,t=3,p=4$"), "{hash}");
        assert_eq!(
            python(VERIFY, &[password, &hash]),
            json!([true, null]),
            "the hash is valid and need not be replaced"
        );
        assert_eq!(python(VERIFY, &[&format!("{password}x"), &hash]), json!([false, null]));
    }
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pyjwt_decodes_daybook_tokens(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let server = Server::on(kind).await;
    let id = server.register("ada").await;
    let claims = python(DECODE, &[&server.login("ada").await, SECRET]);
    assert_eq!(claims["user_id"], id.to_string());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 1800);
}

#[rstest]
#[timeout(TEST_TIMEOUT)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daybook_accepts_pyjwt_tokens(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let start = Start::on(kind).with("DAYBOOK_ACCEPT_LEGACY_TOKENS", "true");
    let server = start.start().await;
    let id = server.register("ada").await;
    // The account must be older than the token.
    server.execute(match kind {
        Kind::Sqlite => "UPDATE users SET password_changed_at = password_changed_at - 60000000",
        Kind::Postgres => "UPDATE users SET password_changed_at = password_changed_at - interval '1 minute'",
    });
    let token = python(ENCODE, &[&id.to_string(), SECRET]);
    let account = server.get("/users/me", token.as_str().unwrap()).await.expect(StatusCode::OK).json();
    assert_eq!(account["id"], id);
}
