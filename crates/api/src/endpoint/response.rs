//! The return types of handlers. Each makes the response and describes it in the OpenAPI document.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Content, ContentBuilder, Response, ResponseBuilder};

use super::errors;
use super::spec::Spec;
use crate::error::ApiError;
use crate::root_path::RootPath;

/// What a handler returns.
pub(crate) trait Respond {
    /// Makes the response.
    ///
    /// # Errors
    ///
    /// The error that the handler returned, or that of serializing the answer.
    fn respond(self, request: &HttpRequest) -> Result<HttpResponse, ApiError>;

    /// Adds the response of success to an operation.
    fn describe(spec: &mut Spec);
}

impl<A: Respond> Respond for Result<A, ApiError> {
    fn respond(self, request: &HttpRequest) -> Result<HttpResponse, ApiError> {
        self?.respond(request)
    }

    fn describe(spec: &mut Spec) {
        A::describe(spec);
    }
}

/// 200 with a JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize + ToSchema> Respond for Json<T> {
    fn respond(self, _: &HttpRequest) -> Result<HttpResponse, ApiError> {
        Ok(HttpResponse::Ok().json(self.0))
    }

    fn describe(spec: &mut Spec) {
        let content = spec.content::<T>();
        spec.success(200, json_response("Success", content));
    }
}

/// 200 with a JSON array of all items.
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T: Serialize + ToSchema> Respond for List<T> {
    fn respond(self, _: &HttpRequest) -> Result<HttpResponse, ApiError> {
        Ok(HttpResponse::Ok().json(self.0))
    }

    fn describe(spec: &mut Spec) {
        let content = array_of::<T>(spec);
        spec.success(200, json_response("All of them", content));
    }
}

/// A resource that says where it is.
pub(crate) trait Located {
    /// The path of the resource, without the root path.
    fn location(&self) -> String;
}

/// 201 with the new resource as JSON and its path in `Location`.
pub(crate) struct Created<T>(pub(crate) T);

impl<T: Located + Serialize + ToSchema> Respond for Created<T> {
    fn respond(self, request: &HttpRequest) -> Result<HttpResponse, ApiError> {
        let mut location = self.0.location();
        location.insert_str(0, RootPath::of(request));
        Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(self.0))
    }

    fn describe(spec: &mut Spec) {
        let content = spec.content::<T>();
        let location = errors::header(ObjectBuilder::new().schema_type(Type::String));
        let response = ResponseBuilder::new().description("Created; `Location` has its path");
        spec.success(201, response.content(JSON, content).header("Location", location).build());
    }
}

/// 204 without a body.
pub(crate) struct NoContent;

impl Respond for NoContent {
    fn respond(self, _: &HttpRequest) -> Result<HttpResponse, ApiError> {
        Ok(HttpResponse::NoContent().finish())
    }

    fn describe(spec: &mut Spec) {
        spec.success(204, Response::new("Done"));
    }
}

/// 200 with a JSON body, or with server-sent events if the client asks for them.
pub(crate) enum JsonOrEvents<T> {
    Json(Arc<T>),
    /// A response whose body is a stream of events.
    Events(HttpResponse),
}

impl<T: Serialize + ToSchema> Respond for JsonOrEvents<T> {
    fn respond(self, _: &HttpRequest) -> Result<HttpResponse, ApiError> {
        Ok(match self {
            Self::Json(body) => HttpResponse::Ok().json(&*body),
            Self::Events(response) => response,
        })
    }

    fn describe(spec: &mut Spec) {
        let content = spec.content::<T>();
        let response = ResponseBuilder::new().description("Success").content(JSON, content);
        spec.success(200, response.content("text/event-stream", text_content()).build());
    }
}

/// 200 with plain text of a media type.
pub(crate) struct PlainText {
    pub(crate) content_type: &'static str,
    pub(crate) text: String,
}

impl Respond for PlainText {
    fn respond(self, _: &HttpRequest) -> Result<HttpResponse, ApiError> {
        Ok(HttpResponse::Ok().content_type(self.content_type).body(self.text))
    }

    fn describe(spec: &mut Spec) {
        let response = ResponseBuilder::new().description("Success");
        spec.success(200, response.content("text/plain", text_content()).build());
    }
}

/// A page or an asset: its endpoint is not part of the document.
pub(crate) struct Undescribed(pub(crate) HttpResponse);

impl Respond for Undescribed {
    fn respond(self, _: &HttpRequest) -> Result<HttpResponse, ApiError> {
        Ok(self.0)
    }

    fn describe(spec: &mut Spec) {
        spec.is_hidden = true;
    }
}

pub(super) const JSON: &str = "application/json";

/// A JSON response without headers of its own.
pub(crate) fn json_response(description: &str, content: Content) -> Response {
    ResponseBuilder::new().description(description).content(JSON, content).build()
}

/// The content of a body that is an array of `T`.
pub(super) fn array_of<T: ToSchema>(spec: &mut Spec) -> Content {
    let items = spec.schema::<T>();
    ContentBuilder::new().schema(Some(ArrayBuilder::new().items(items))).build()
}

fn text_content() -> Content {
    ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build()
}
