//! The whole URL table.

pub(crate) mod account;
pub(crate) mod event;
pub(crate) mod health;
pub(crate) mod home;
pub(crate) mod login;
pub(crate) mod note;
mod page;
mod password;
pub(crate) mod refresh;
pub(crate) mod registration;
pub(crate) mod session;
pub(crate) mod summary;
mod summary_stream;
pub(crate) mod task;
pub(crate) mod token;
pub(crate) mod usage;
mod weather;

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route};

use crate::docs;
use crate::error::ApiError;
use crate::extract::{authenticate, authenticate_reader};

pub(crate) fn table(app: &mut ServiceConfig) {
    app.service(at("/", [get(home::hello)]))
        .service(at("/auth/register", [post(registration::register)]))
        .service(at("/auth/login", [post(login::login)]))
        .service(at("/auth/refresh", [post(refresh::refresh)]))
        .service(at("/auth/logout", [post(session::logout).bearer()]))
        .service(at("/auth/logout-all", [post(session::logout_all).bearer()]))
        .service(at("/auth/sessions", [get(session::list).bearer()]))
        .service(at("/auth/sessions/{session_id}", [delete(session::end).bearer()]))
        .service(at("/auth/events", [get(event::list).bearer()]))
        .service(at("/auth/password", [post(account::change_password).bearer()]))
        .service(at(
            "/users/me",
            [
                get(account::me).bearer(),
                patch(account::update_me).bearer(),
                delete(account::delete_me).bearer(),
            ],
        ))
        .service(at("/users/me/usage", [get(usage::list).bearer()]))
        .service(at("/notes", [get(note::list).reader(), post(note::create).bearer()]))
        .service(at(
            "/notes/{note_id}",
            [
                get(note::find).reader(),
                put(note::replace).bearer(),
                patch(note::update).bearer(),
                delete(note::delete).bearer(),
            ],
        ))
        .service(at("/notes/{note_id}/summarize", [post(summary::summarize).bearer()]))
        .service(at("/notes/{note_id}/summaries", [get(summary::list).bearer()]))
        .service(at("/tasks", [get(task::list).reader(), post(task::create).bearer()]))
        .service(at(
            "/tasks/{task_id}",
            [
                get(task::find).reader(),
                put(task::replace).bearer(),
                patch(task::update).bearer(),
                delete(task::delete).bearer(),
            ],
        ))
        .service(at("/health/live", [get(health::live)]))
        .service(at("/health/ready", [get(health::ready)]))
        .service(at("/metrics", [get(health::metrics)]))
        .service(at("/openapi.json", [get(docs::document)]))
        .service(at("/docs", [get(docs::swagger)]))
        .service(at("/docs/{asset}", [get(docs::swagger_asset)]))
        .service(at("/redoc", [get(docs::redoc)]))
        .service(at("/redoc/{asset}", [get(docs::redoc_asset)]))
        .default_service(web::route().to(unknown));
}

/// A handler and the method that it answers.
struct Endpoint(Method, Route);

impl Endpoint {
    /// Only for requests with a good access token.
    fn bearer(self) -> Self {
        Self(self.0, self.1.wrap(from_fn(authenticate)))
    }

    /// The same, where the handler's query may look at the session too.
    fn reader(self) -> Self {
        Self(self.0, self.1.wrap(from_fn(authenticate_reader)))
    }
}

fn endpoint<F, A>(method: Method, handler: F) -> Endpoint
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Endpoint(method.clone(), web::method(method).to(handler))
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {
        $(fn $name<F, A>(handler: F) -> Endpoint
        where
            F: Handler<A>,
            A: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            endpoint(Method::$method, handler)
        })*
    };
}

methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

/// The endpoints at a path; any other method is told which there are (RFC 9110, section 15.5.6).
fn at<const N: usize>(path: &str, endpoints: [Endpoint; N]) -> Resource {
    let allow = endpoints.iter().map(|Endpoint(method, _)| method.as_str()).collect::<Vec<_>>().join(", ");
    let refuse = move || {
        let allow = allow.clone();
        async move { Err::<HttpResponse, _>(ApiError::MethodNotAllowed(allow)) }
    };
    let resource = web::resource(path).default_service(web::route().to(refuse));
    endpoints.into_iter().fold(resource, |resource, Endpoint(_, route)| resource.route(route))
}

/// No such path; one with a slash too many is sent to the path without, as Starlette does.
async fn unknown(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    let shorter = path.trim_end_matches('/');
    if shorter.len() == path.len() || shorter.is_empty() || !request.resource_map().has_resource(shorter) {
        return Err(ApiError::NotFound("Not Found"));
    }
    let query = request.query_string();
    let location = if query.is_empty() { shorter.to_owned() } else { format!("{shorter}?{query}") };
    Ok(HttpResponse::TemporaryRedirect().insert_header(("Location", location)).finish())
}
