//! The URL table: every handler under its tag. `routes.txt` beside the manifest shows it with
//! methods and callers.

mod account;
pub(crate) mod docs;
mod event;
mod health;
mod home;
mod login;
mod note;
mod refresh;
mod registration;
mod session;
mod summary;
mod task;
mod token;
mod usage;

use std::collections::BTreeMap;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use crate::endpoint::Endpoint;
use crate::error::ApiError;
use crate::root_path::RootPath;

/// The endpoints that the document shows under one tag.
pub(crate) struct Group {
    pub(crate) tag: &'static str,
    pub(crate) description: &'static str,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// Returns every endpoint of the service.
pub(crate) fn groups() -> [Group; 5] {
    [
        tagged(
            "accounts",
            "Accounts and their passwords",
            &[
                registration::register::endpoint,
                account::me::endpoint,
                account::update_me::endpoint,
                account::delete_me::endpoint,
                account::change_password::endpoint,
                usage::list_usage::endpoint,
            ],
        ),
        tagged(
            "sessions",
            "Logins, their tokens and the sessions that they open",
            &[
                login::login::endpoint,
                refresh::refresh::endpoint,
                session::logout::endpoint,
                session::logout_all::endpoint,
                session::list_sessions::endpoint,
                session::end_session::endpoint,
                event::list_events::endpoint,
            ],
        ),
        tagged(
            "notes",
            "Notes and their summaries",
            &[
                note::create_note::endpoint,
                note::list_notes::endpoint,
                note::get_note::endpoint,
                note::replace_note::endpoint,
                note::update_note::endpoint,
                note::delete_note::endpoint,
                summary::summarize_note::endpoint,
                summary::list_summaries::endpoint,
            ],
        ),
        tagged(
            "tasks",
            "Tasks and the weather at their cities",
            &[
                task::create_task::endpoint,
                task::list_tasks::endpoint,
                task::get_task::endpoint,
                task::replace_task::endpoint,
                task::update_task::endpoint,
                task::delete_task::endpoint,
            ],
        ),
        tagged(
            "service",
            "The state of the service and its documentation",
            &[
                home::hello::endpoint,
                health::live::endpoint,
                health::ready::endpoint,
                health::metrics::endpoint,
                docs::document::endpoint,
                docs::swagger::endpoint,
                docs::swagger_asset::endpoint,
                docs::redoc::endpoint,
                docs::redoc_asset::endpoint,
            ],
        ),
    ]
}

fn tagged(tag: &'static str, description: &'static str, endpoints: &[fn() -> Endpoint]) -> Group {
    Group { tag, description, endpoints: endpoints.iter().map(|endpoint| endpoint()).collect() }
}

/// Adds every endpoint to the application. The endpoints of one path form one resource.
pub(crate) fn configure(app: &mut ServiceConfig) {
    let mut paths: BTreeMap<&'static str, Vec<Endpoint>> = BTreeMap::new();
    for endpoint in groups().into_iter().flat_map(|group| group.endpoints) {
        paths.entry(endpoint.path).or_default().push(endpoint);
    }
    for (path, endpoints) in paths {
        let mut allowed: Vec<_> = endpoints.iter().flat_map(Endpoint::methods).collect();
        allowed.sort_by_key(|method| METHODS.iter().position(|known| known == method));
        let allow = allowed.join(", ");
        // Any other method is 405 with those that the path has (RFC 9110, section 15.5.6).
        let reject = move || {
            let allow = allow.clone();
            async move { Err::<HttpResponse, _>(ApiError::MethodNotAllowed(allow)) }
        };
        let resource = web::resource(path).default_service(web::route().to(reject));
        let routes = endpoints.into_iter().map(|endpoint| endpoint.route);
        app.service(routes.fold(resource, actix_web::Resource::route));
    }
    app.default_service(web::route().to(unknown));
}

/// The order of methods in `Allow` and in the printed table.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// No endpoint has the path. Like Starlette, a path with a trailing slash is redirected to the one
/// without.
async fn unknown(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    let shorter = path.trim_end_matches('/');
    if shorter.len() == path.len() || shorter.is_empty() || !request.resource_map().has_resource(shorter) {
        return Err(ApiError::NotFound("Not Found"));
    }
    let (root, query) = (RootPath::of(&request), request.query_string());
    let mark = if query.is_empty() { "" } else { "?" };
    let location = format!("{root}{shorter}{mark}{query}");
    Ok(HttpResponse::TemporaryRedirect().insert_header(("Location", location)).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table as text: one line for each endpoint.
    fn table() -> String {
        let mut lines = Vec::new();
        for Group { tag, endpoints, .. } in groups() {
            for endpoint in endpoints {
                let methods = endpoint.methods().join(",");
                let (path, caller, id) = (endpoint.path, endpoint.caller, endpoint.text.id);
                lines.push(format!("{methods:<9} {path:<28} {caller:<7} {tag}: {id}\n"));
            }
        }
        lines.concat()
    }

    #[test]
    fn routes_txt_shows_the_url_table() {
        let expected = include_str!("../routes.txt");
        assert_eq!(table(), expected, "if the change is meant, write the new table to crates/api/routes.txt");
    }
}
