//! Bodies that are JSON or a form.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::body::{self, Body};
use super::form::{self, ValidForm};
use super::json::ValidJson;
use crate::endpoint::{Argument, Spec};
use crate::error::ApiError;

/// A form that is a valid `T` if the media type is that of a form. Otherwise a JSON object that is
/// a valid `T`.
pub(crate) struct JsonOrForm<T>(pub(crate) T);

impl<T: Body> FromRequest for JsonOrForm<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if form::MEDIA_TYPES.contains(&body::media_type(request).as_str()) {
            ValidForm::from_request(request, payload)
                .map(|form| form.map(|ValidForm(value)| Self(value)))
                .boxed_local()
        } else {
            ValidJson::from_request(request, payload)
                .map(|json| match json {
                    Ok(ValidJson(value)) => Ok(Self(value)),
                    Err(ApiError::UnsupportedMediaType(_)) => {
                        Err(ApiError::UnsupportedMediaType(body::JSON_OR_FORM))
                    }
                    Err(error) => Err(error),
                })
                .boxed_local()
        }
    }
}

impl<T: Body> Argument for JsonOrForm<T> {
    fn describe(spec: &mut Spec) {
        body::describe::<T>(spec, &["application/json", form::URL_ENCODED]);
        spec.error(&body::NOT_JSON_OR_FORM);
    }
}
