//! Runs a small app, and reads responses from raw sockets.

use std::collections::BTreeMap;
use std::future::pending;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use actix_web::rt::System;
use actix_web::rt::time::sleep;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use daybook_listener::{Event, Events, Options, keep_until_sent, serve};
use futures_util::stream;
use socket2::{Domain, Socket, Type};

/// A server must respond within this time.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What the handlers of a server have done.
#[derive(Default)]
pub(crate) struct Counts {
    /// The requests of `/count`.
    pub(crate) counted: AtomicUsize,
    /// The requests of `/late` and `/hang` that have started.
    pub(crate) started: AtomicUsize,
    /// The responses of `/large` that were sent, or whose connection has ended.
    pub(crate) sent: AtomicUsize,
    /// The requests of `/hang` that were canceled.
    pub(crate) canceled: AtomicUsize,
}

/// Counts a canceled request.
struct Canceled(Data<Counts>);

impl Drop for Canceled {
    fn drop(&mut self) {
        self.0.canceled.fetch_add(1, Ordering::SeqCst);
    }
}

async fn number(path: web::Path<usize>) -> String {
    format!("number {}", path.into_inner())
}

async fn late(counts: Data<Counts>) -> &'static str {
    counts.started.fetch_add(1, Ordering::SeqCst);
    sleep(Duration::from_millis(300)).await;
    "late"
}

async fn soon() -> &'static str {
    sleep(Duration::from_millis(5)).await;
    "soon"
}

async fn hang(counts: Data<Counts>) -> &'static str {
    let _canceled = Canceled(counts.clone());
    counts.started.fetch_add(1, Ordering::SeqCst);
    pending().await
}

async fn count(counts: Data<Counts>) -> String {
    format!("counted {}", counts.counted.fetch_add(1, Ordering::SeqCst) + 1)
}

async fn three_parts() -> HttpResponse {
    let parts = [&b"one, "[..], b"two, ", b"three"].map(Bytes::from_static);
    HttpResponse::Ok().streaming(stream::iter(parts.map(Ok::<_, io::Error>)))
}

/// Counts a value that is dropped when the response has been sent.
struct Kept(Data<Counts>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.sent.fetch_add(1, Ordering::SeqCst);
    }
}

/// Returns this number of bytes.
async fn large(request: HttpRequest, size: web::Path<usize>, counts: Data<Counts>) -> Vec<u8> {
    keep_until_sent(&request, Kept(counts));
    vec![b'x'; size.into_inner()]
}

/// The size of a part of `/drip`. It does not fit into the buffers of both sides.
pub(crate) const DRIP: usize = 1_000_000;

/// Returns 15 parts in 3.75 s.
async fn drip() -> HttpResponse {
    let parts = stream::unfold(0, |sent| async move {
        sleep(Duration::from_millis(250)).await;
        (sent < 15).then_some((Ok::<_, io::Error>(Bytes::from(vec![b'x'; DRIP])), sent + 1))
    });
    HttpResponse::Ok().streaming(parts)
}

/// Shows what the app knows about the connection.
async fn connection(request: HttpRequest) -> String {
    let info = request.connection_info();
    let (host, local) = (request.app_config().host(), request.app_config().local_addr());
    let peer = request.peer_addr().map(|peer| peer.ip());
    format!("{} {} {host} {local} {peer:?}", info.scheme(), info.host())
}

/// The routes accept every method.
fn routes(config: &mut ServiceConfig) {
    config
        .route("/", web::route().to(|| async { "home" }))
        .route("/echo", web::route().to(|body: Bytes| async move { body }))
        .route("/ignore", web::route().to(|| async { "ignored" }))
        .route("/number/{number}", web::route().to(number))
        .route("/count", web::route().to(count))
        .route("/late", web::route().to(late))
        .route("/soon", web::route().to(soon))
        .route("/hang", web::route().to(hang))
        .route("/stream", web::route().to(three_parts))
        .route("/large/{size}", web::route().to(large))
        .route("/drip", web::route().to(drip))
        .route("/connection", web::route().to(connection));
}

/// Returns options with one worker that never stops.
pub(crate) fn options() -> Options {
    Options {
        workers: Some(1),
        keep_alive: Duration::from_secs(60).into(),
        client_disconnect_timeout: Duration::from_millis(200),
        shutdown_signal: Some(Box::pin(pending())),
        ..Options::default()
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) counts: Arc<Counts>,
    events: Arc<Mutex<Vec<Event>>>,
    pub(crate) thread: JoinHandle<()>,
}

impl Server {
    /// Starts a server of this crate.
    pub(crate) fn start(options: Options) -> Self {
        Self::run("127.0.0.1:0", Some(options))
    }

    /// Starts a server of this crate at this address.
    pub(crate) fn start_at(address: &str, options: Options) -> Self {
        Self::run(address, Some(options))
    }

    /// Starts an `HttpServer` with the settings of [`options`].
    pub(crate) fn http_server() -> Self {
        Self::run("127.0.0.1:0", None)
    }

    fn run(address: &str, options: Option<Options>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let (address, counts) = (listener.local_addr().unwrap(), Arc::new(Counts::default()));
        let events = Arc::new(Mutex::new(Vec::new()));
        let options = options.map(|options| {
            let events = Arc::clone(&events);
            Options { events: Events::to(move |event| events.lock().unwrap().push(event)), ..options }
        });
        let data = Data::from(Arc::clone(&counts));
        let app = move || App::new().app_data(data.clone()).configure(routes);
        let thread = thread::spawn(move || {
            let run = async {
                let server = match options {
                    Some(options) => serve(listener, options, app).unwrap(),
                    None => HttpServer::new(app)
                        .workers(1)
                        .keep_alive(Duration::from_secs(60))
                        .client_disconnect_timeout(Duration::from_millis(200))
                        .shutdown_signal(pending())
                        .listen(listener)
                        .unwrap()
                        .run(),
                };
                server.await.unwrap();
            };
            System::new().block_on(run);
        });
        Self { address, counts, events, thread }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).unwrap())
    }

    /// Connects from another address of this machine: 127.0.0.`number`.
    pub(crate) fn connect_from(&self, number: u8) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, number], 0)).into()).unwrap();
        socket.connect(&self.address.into()).unwrap();
        Client::new(socket.into())
    }

    /// Connects with a small buffer for received bytes, so that a client that does not read is
    /// noticed early.
    pub(crate) fn connect_with_a_small_buffer(&self) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.connect(&self.address.into()).unwrap();
        Client::new(socket.into())
    }

    /// Returns how many times this has happened.
    pub(crate) fn reported(&self, event: Event) -> usize {
        self.events.lock().unwrap().iter().filter(|reported| **reported == event).count()
    }

    /// Returns how many requests of `/count` were executed.
    pub(crate) fn counted(&self) -> usize {
        self.counts.counted.load(Ordering::SeqCst)
    }
}

/// Waits until the condition holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {TIMEOUT:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    /// The version and the status: `HTTP/1.1 200`.
    pub(crate) status: String,
    /// The fields in lower case, without the date.
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// True for `100 Continue`, which another response follows.
    pub(crate) fn is_interim(&self) -> bool {
        self.status.ends_with(" 100")
    }
}

/// A connection.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    fn new(socket: TcpStream) -> Self {
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self(BufReader::new(socket))
    }

    pub(crate) fn to(address: impl std::net::ToSocketAddrs) -> Self {
        Self::new(TcpStream::connect(address).unwrap())
    }

    /// Reads one part of what the server sends.
    pub(crate) fn read_a_part(&mut self) {
        assert!(!self.0.fill_buf().unwrap().is_empty());
    }

    /// Reads the rest of what the server sends, `size` bytes at a time with pauses between them.
    /// Returns the number of bytes, and true if the server has closed the connection properly.
    pub(crate) fn read_slowly(&mut self, size: usize, pause: Duration) -> (usize, bool) {
        let (mut part, mut all) = (vec![0; size], 0);
        loop {
            match self.0.read(&mut part) {
                Ok(0) => return (all, true),
                Ok(read) => all += read,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
                    return (all, false);
                }
            }
            thread::sleep(pause);
        }
    }

    /// Sends bytes. The server may have closed the connection.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.get_mut().write_all(bytes.as_ref());
    }

    /// Sends bytes in parts that end at these offsets, with a pause between them.
    pub(crate) fn send_in_parts(&mut self, bytes: &[u8], cuts: &[usize]) {
        let mut start = 0;
        for cut in cuts {
            self.send(&bytes[start..*cut]);
            thread::sleep(Duration::from_millis(2));
            start = *cut;
        }
        self.send(&bytes[start..]);
    }

    /// Returns two clients of the same connection: one to read, and one to write meanwhile.
    pub(crate) fn divide(self) -> (Self, Self) {
        let writer = self.0.get_ref().try_clone().unwrap();
        (self, Self(BufReader::new(writer)))
    }

    /// Closes the client's side of the connection.
    pub(crate) fn finish(&mut self) {
        self.0.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// Reads the next response to a request with this method. Returns `None` if the connection is
    /// closed.
    pub(crate) fn response(&mut self, method: &str) -> Option<Response> {
        let line = self.line()?;
        assert!(line.starts_with("HTTP/1."), "no status: {line:?}");
        let status: String = line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let mut fields = BTreeMap::new();
        loop {
            let line = self.line().unwrap();
            let Some((name, value)) = line.split_once(": ") else { break };
            assert!(fields.insert(name.to_lowercase(), value.to_owned()).is_none(), "{name} is repeated");
        }
        fields.remove("date");
        let mut response = Response { status, fields, body: String::new() };
        let has_body = method != "HEAD" && !response.is_interim();
        if has_body && response.field("transfer-encoding") == "chunked" {
            loop {
                let size = usize::from_str_radix(&self.line().unwrap(), 16).unwrap();
                response.body.push_str(&self.bytes(size));
                assert_eq!(self.line().unwrap(), "");
                if size == 0 {
                    break;
                }
            }
        } else if has_body {
            response.body = self.bytes(response.field("content-length").parse().unwrap());
        }
        Some(response)
    }

    /// Closes the client's side of the connection.
    pub(crate) fn end(&self) {
        self.0.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// Sends nothing and reads until the server closes the connection. Returns the bytes as text.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut rest) {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Fails unless the server closes the connection without another byte.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self) {
        assert_eq!(self.rest(), "");
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.0.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
            result => result.unwrap(),
        };
        let line = String::from_utf8(line).unwrap();
        Some(line.strip_suffix("\r\n").unwrap().to_owned())
    }

    fn bytes(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
