//! The OpenAPI document, built from the descriptions of all endpoints.

use std::collections::BTreeSet;

use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::security::{Flow, OAuth2, Password, Scopes, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, InfoBuilder, License, OpenApi, OpenApiBuilder, Paths, RefOr};

use crate::endpoint::{Documentation, Endpoint, SECURITY_SCHEME, Spec};
use crate::routes::{Group, groups};

/// Why the endpoints make no document: a fault of the program.
#[derive(Debug, thiserror::Error)]
#[error("the endpoints make no document: {0}")]
pub(crate) struct DocumentError(String);

/// Returns the document without a root path.
///
/// # Errors
///
/// When the endpoints contradict each other. A test rules this out.
pub(crate) fn document() -> Result<OpenApi, DocumentError> {
    let (mut paths, mut components, mut tags) = (Paths::new(), Components::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for Group { tag, description, endpoints } in groups() {
        tags.push(TagBuilder::new().name(tag).description(Some(description)).build());
        for endpoint in endpoints {
            let spec = describe(&endpoint, tag)?;
            let id = endpoint.text.id;
            if !(seen.insert(id.to_owned()) && seen.insert(format!("{} {}", endpoint.method, endpoint.path)))
            {
                return Err(DocumentError(format!("{id} is stated twice")));
            }
            if !spec.is_hidden {
                let method = http_method(&endpoint);
                paths.add_path_operation(endpoint.path, vec![method], spec.operation);
                components.schemas.extend(spec.schemas);
                let shared = spec.shared.into_iter().map(|(name, response)| (name, RefOr::T(response)));
                components.responses.extend(shared);
            }
        }
    }
    // Swagger UI resolves a relative address against its page, so the root path stays in front.
    let flow = Flow::Password(Password::new("auth/login", Scopes::new()));
    components.add_security_scheme(SECURITY_SCHEME, SecurityScheme::OAuth2(OAuth2::new([flow])));
    let mut license = License::new("MIT OR Apache-2.0");
    license.identifier = Some("MIT OR Apache-2.0".to_owned());
    let info = InfoBuilder::new()
        .title("daybook")
        .description(Some("Accounts, notes, tasks with the weather and AI summaries."))
        .license(Some(license))
        .version(env!("CARGO_PKG_VERSION"));
    let builder = OpenApiBuilder::new().info(info.build()).paths(paths).tags(Some(tags));
    Ok(builder.components(Some(components)).build())
}

fn describe(endpoint: &Endpoint, tag: &str) -> Result<Spec, DocumentError> {
    let mut spec = Spec::default();
    // A response with several errors lists the endpoint's own errors first.
    endpoint.errors.iter().for_each(|error| spec.error(error));
    (endpoint.describe)(&mut spec);
    spec.finish();
    let Documentation { id, lines } = endpoint.text;
    let (summary, description) = texts(lines);
    spec.operation.operation_id = Some(id.to_owned());
    spec.operation.summary = Some(summary);
    spec.operation.description = description;
    spec.operation.tags = Some(vec![tag.to_owned()]);
    let in_path: Vec<_> =
        endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    if !spec.is_hidden && in_path != spec.path_parameters {
        return Err(DocumentError(format!("{id}: the path has other parameters than the handler")));
    }
    Ok(spec)
}

/// The first paragraph of a doc comment, and the rest of it.
fn texts(lines: &[&str]) -> (String, Option<String>) {
    let text = lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
    match text.split_once("\n\n") {
        Some((summary, rest)) => (summary.trim().to_owned(), Some(rest.trim().to_owned())),
        None => (text.trim().to_owned(), None),
    }
}

fn http_method(endpoint: &Endpoint) -> HttpMethod {
    match endpoint.method.as_str() {
        "GET" => HttpMethod::Get,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        _ => HttpMethod::Delete,
    }
}

#[cfg(test)]
mod tests {
    use super::document;

    #[test]
    fn document_is_made_of_the_endpoints() {
        assert!(document().is_ok_and(|document| document.paths.paths.len() > 10));
    }
}
