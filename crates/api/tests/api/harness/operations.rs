//! Every operation of the service, with a request that it accepts.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};

use super::{PASSWORD, Server};

/// A method and a path, with the body of a request.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// With placeholders, as in the OpenAPI document.
    pub(crate) path: &'static str,
    /// JSON, or a form at the login. `«»` stands for [`PASSWORD`].
    body: &'static str,
    pub(crate) secured: bool,
    /// The status of the response, if a new account with [`PASSWORD`] calls all operations once in
    /// this order.
    pub(crate) status: u16,
}

const fn open(method: Method, path: &'static str, body: &'static str, status: u16) -> Operation {
    Operation { method, path, body, secured: false, status }
}

const fn bearer(method: Method, path: &'static str, body: &'static str, status: u16) -> Operation {
    Operation { method, path, body, secured: true, status }
}

const NOTE: &str = r#"{"title":"Groceries","content":"Milk"}"#;
const PASSWORD_CHANGE: &str = r#"{"current_password":"«»","new_password":"another8word"}"#;
const TASK: &str = r#"{"title":"Paint","content":"Two coats","city":"Lisbon"}"#;

static OPERATIONS: [Operation; 31] = [
    open(Method::GET, "/", "", 200),
    open(Method::GET, "/health/live", "", 200),
    open(Method::GET, "/health/ready", "", 200),
    open(Method::GET, "/metrics", "", 200),
    open(
        Method::POST,
        "/auth/register",
        r#"{"email":"zoe@example.com","username":"zoe","password":"«»"}"#,
        201,
    ),
    open(Method::POST, "/auth/login", "username=zoe&password=«»", 200),
    open(Method::POST, "/auth/refresh", r#"{"refresh_token":"made up"}"#, 401),
    bearer(Method::GET, "/auth/sessions", "", 200),
    bearer(Method::DELETE, "/auth/sessions/{session_id}", "", 204),
    bearer(Method::GET, "/auth/events", "", 200),
    bearer(Method::POST, "/auth/logout", "", 204),
    bearer(Method::POST, "/auth/logout-all", "", 204),
    bearer(Method::POST, "/auth/password", PASSWORD_CHANGE, 204),
    bearer(Method::GET, "/users/me", "", 200),
    bearer(Method::PATCH, "/users/me", r#"{"username":"countess","current_password":"another8word"}"#, 200),
    bearer(Method::POST, "/notes", NOTE, 201),
    bearer(Method::GET, "/notes", "", 200),
    bearer(Method::GET, "/notes/{note_id}", "", 200),
    bearer(Method::PUT, "/notes/{note_id}", NOTE, 200),
    bearer(Method::PATCH, "/notes/{note_id}", r#"{"content":"Bread"}"#, 200),
    bearer(Method::POST, "/notes/{note_id}/summarize", "{}", 200),
    bearer(Method::GET, "/notes/{note_id}/summaries", "", 200),
    bearer(Method::DELETE, "/notes/{note_id}", "", 204),
    bearer(Method::GET, "/users/me/usage", "", 200),
    bearer(Method::POST, "/tasks", TASK, 201),
    bearer(Method::GET, "/tasks", "", 200),
    bearer(Method::GET, "/tasks/{task_id}", "", 200),
    bearer(Method::PUT, "/tasks/{task_id}", TASK, 200),
    bearer(Method::PATCH, "/tasks/{task_id}", r#"{"city":"Porto"}"#, 200),
    bearer(Method::DELETE, "/tasks/{task_id}", "", 204),
    bearer(Method::DELETE, "/users/me", r#"{"current_password":"another8word"}"#, 204),
];

/// Every operation. The last one deletes the account.
pub(crate) fn operations() -> std::slice::Iter<'static, Operation> {
    OPERATIONS.iter()
}

impl Operation {
    /// The method and the path, for messages.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// True if the operation ends the caller's own session. An id in the path must be that of this
    /// session.
    pub(crate) fn ends_session(&self) -> bool {
        ["/auth/logout", "/auth/logout-all", "/auth/sessions/{session_id}"].contains(&self.path)
    }

    /// True if the path has the id of a note, a task or a session.
    pub(crate) fn has_id(&self) -> bool {
        self.path.contains('{')
    }

    /// Returns the path with this id.
    pub(crate) fn path_of(&self, id: &str) -> String {
        let names = ["{note_id}", "{task_id}", "{session_id}"];
        names.iter().fold(self.path.to_owned(), |path, name| path.replace(name, id))
    }

    /// Returns the body of the request. It is empty if the operation takes none.
    pub(crate) fn body(&self) -> String {
        self.body.replace("«»", PASSWORD)
    }

    /// Builds the request with this id in the path.
    pub(crate) fn request(&self, server: &Server, id: &str) -> RequestBuilder {
        let request = server.request(self.method.clone(), &self.path_of(id));
        if self.body.is_empty() {
            return request;
        }
        let form = self.path == "/auth/login";
        let media_type = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        request.header("content-type", media_type).body(self.body())
    }
}

/// Fails unless the OpenAPI document has exactly these operations, with `security` if they need a
/// token. Returns the document.
pub(crate) async fn assert_complete(server: &Server) -> serde_json::Value {
    let document = super::Answer::of(server.request(Method::GET, "/openapi.json")).await.json();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = format!("{} {path}", method.to_uppercase());
            documented.insert((name, operation.get("security").is_some()));
        }
    }
    let known: BTreeSet<_> = operations().map(|known| (known.name(), known.secured)).collect();
    assert_eq!(documented, known, "the document and this table must have the same operations");
    document
}
