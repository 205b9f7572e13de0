//! Responds to `GET /`, `HEAD /` and `POST /` on port 8080. The last returns its body.
//!
//! Run with `cargo run -p daybook-listener --example hello`. The README has a request.

use std::net::TcpListener;

use actix_web::{App, web};
use daybook_listener::{Options, serve};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080")?;
    println!("listens on http://{}", listener.local_addr()?);
    let app = || {
        App::new()
            .route("/", web::get().to(|| async { "hello\n" }))
            .route("/", web::head().to(|| async { "hello\n" }))
            .route("/", web::post().to(|body: web::Bytes| async move { body }))
    };
    serve(listener, Options::default(), app)?.await
}
