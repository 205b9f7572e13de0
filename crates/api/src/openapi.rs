//! The OpenAPI document: each handler says what is its own, and what all have in common is said here once.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Flow, OAuth2, Password, Scopes, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::error::{Detail, ValidationDetail};
use crate::routes::{
    account, event, health, home, login, note, refresh, registration, session, summary, task, usage,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "daybook",
        description = "Accounts, notes, tasks with the weather and AI summaries.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "accounts", description = "Who you are"),
        (name = "sessions", description = "Where you are logged in"),
        (name = "notes", description = "What you want to keep, and summaries of it"),
        (name = "tasks", description = "What you want to do, and the weather where you do it"),
        (name = "service", description = "How the service is")
    ),
    paths(
        home::hello,
        registration::register,
        login::login,
        refresh::refresh,
        session::logout,
        session::logout_all,
        session::list,
        session::end,
        event::list,
        account::change_password,
        account::me,
        account::update_me,
        account::delete_me,
        usage::list,
        note::create,
        note::list,
        note::find,
        note::replace,
        note::update,
        note::delete,
        summary::summarize,
        summary::list,
        task::create,
        task::list,
        task::find,
        task::replace,
        task::update,
        task::delete,
        health::live,
        health::ready,
        health::metrics
    ),
    components(schemas(Detail, ValidationDetail)),
    modifiers(&Common)
)]
struct Document;

/// The document as it is served and printed.
///
/// # Errors
///
/// None in practice: the document is made of types that serialise.
pub fn document_json() -> serde_json::Result<String> {
    Document::openapi().to_pretty_json()
}

/// The login and the errors that many operations share.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        // A relative address: it is right behind any proxy.
        let flow = Flow::Password(Password::new("auth/login", Scopes::new()));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("OAuth2PasswordBearer", SecurityScheme::OAuth2(OAuth2::new([flow])));
        for item in document.paths.paths.values_mut() {
            let operations =
                [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            operations.into_iter().flatten().for_each(add_common_errors);
        }
    }
}

fn add_common_errors(operation: &mut Operation) {
    let takes_body = operation.request_body.is_some();
    let id = operation.operation_id.as_deref();
    let takes_form = id == Some("login");
    let tries_password = matches!(id, Some("login" | "register" | "change_password" | "delete_me"));
    let takes_input = takes_body || operation.parameters.as_ref().is_some_and(|list| !list.is_empty());
    let needs_token = operation.security.is_some();
    let common = [
        (needs_token, "401", "No token, or one that is no good", "Could not validate credentials"),
        (takes_body, "408", "The body did not arrive in time", "The request body did not arrive in time"),
        (takes_body, "413", "The body is too large", "The request body is larger than 16384 bytes"),
        (
            takes_body && !takes_form,
            "415",
            "The body is of another media type",
            if id == Some("refresh") {
                "The request body must be application/json or application/x-www-form-urlencoded"
            } else {
                "The request body must be application/json"
            },
        ),
        (
            tries_password,
            "429",
            "Too many attempts; `Retry-After` says when to come back",
            "Too many attempts, try again later",
        ),
        (true, "500", "A fault of the service", "Internal Server Error"),
        (
            true,
            "503",
            "Too much is going on, or something is switched off",
            "The service is busy, try again shortly",
        ),
    ];
    let responses = &mut operation.responses.responses;
    for (applies, status, description, example) in common {
        if applies {
            add(responses, status, error(description, "Detail", json!({ "detail": example })));
        }
    }
    if takes_input {
        let example = json!({ "detail": [{
            "type": "missing",
            "loc": ["body", "title"],
            "msg": "Field required",
        }] });
        add(responses, "422", error("What is wrong with the request", "HTTPValidationError", example));
    }
}

/// Keeps what the handler says itself.
fn add(responses: &mut BTreeMap<String, RefOr<Response>>, status: &str, response: Response) {
    responses.entry(status.to_owned()).or_insert(RefOr::T(response));
}

fn error(description: &str, schema: &str, example: serde_json::Value) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).example(Some(example));
    ResponseBuilder::new().description(description).content("application/json", content.build()).build()
}
