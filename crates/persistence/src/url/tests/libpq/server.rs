//! A server that records connections. It has no TLS and accepts every password.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::thread;

/// A connection as the server sees it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// The port, or the folder of the socket.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) asked_for_tls: bool,
    /// The names and values of the startup message.
    pub(super) startup: Vec<(String, String)>,
    pub(super) password: Vec<u8>,
}

impl Seen {
    pub(super) fn startup(&self, name: &str) -> Option<&str> {
        self.startup.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub(super) type Record = Arc<Mutex<Vec<Seen>>>;

/// The server: two ports of 127.0.0.1, and a socket with the number of the first port.
pub(super) struct Server {
    pub(super) ports: [u16; 2],
    pub(super) folder: tempfile::TempDir,
    pub(super) record: Record,
}

impl Server {
    pub(super) fn start() -> Self {
        let record = Record::default();
        let ports = [(); 2].map(|()| {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let record = Arc::clone(&record);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let stream = stream.unwrap();
                    let seen = Seen { host: "127.0.0.1".to_owned(), port, ..Seen::default() };
                    serve(stream.try_clone().unwrap(), stream, seen, &record);
                }
            });
            port
        });
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{}", ports[0]))).unwrap();
        let (path, recording) = (folder.path().display().to_string(), Arc::clone(&record));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let seen = Seen { host: path.clone(), port: ports[0], ..Seen::default() };
                serve(stream.try_clone().unwrap(), stream, seen, &recording);
            }
        });
        Self { ports, folder, record }
    }
}

/// Accepts any password, and then reads until the client closes the connection.
fn serve(
    mut input: impl Read + Send + 'static,
    mut output: impl Write + Send + 'static,
    mut seen: Seen,
    record: &Record,
) {
    let record = Arc::clone(record);
    let index = {
        let mut record = record.lock().unwrap();
        record.push(seen.clone());
        record.len() - 1
    };
    let note = move |seen: &Seen| {
        if let Some(entry) = record.lock().unwrap().get_mut(index) {
            *entry = seen.clone();
        }
    };
    thread::spawn(move || -> std::io::Result<()> {
        let body = loop {
            let body = message(&mut input)?;
            // The code of a request for TLS.
            if body != 80_877_103_u32.to_be_bytes() {
                break body;
            }
            seen.asked_for_tls = true;
            note(&seen);
            output.write_all(b"N")?;
        };
        let mut texts =
            body[4..].split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            seen.startup.push((name, value));
        }
        note(&seen);
        // A request for the password in plain text.
        output.write_all(b"R\0\0\0\x08\0\0\0\x03")?;
        input.read_exact(&mut [0])?;
        seen.password = message(&mut input)?;
        seen.password.pop();
        note(&seen);
        // The password is right, the version of the server, and it is ready.
        output.write_all(b"R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\0\x31\x35.0\0Z\0\0\0\x05I")?;
        std::io::copy(&mut input, &mut std::io::sink())?;
        Ok(())
    });
}

/// Reads a length and the rest of a message.
fn message(input: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length).saturating_sub(4).min(100_000) as usize];
    input.read_exact(&mut body)?;
    Ok(body)
}
