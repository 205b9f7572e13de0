//! Observes the requests and responses of a connection.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::{Request, Response};
use actix_service::{Service, ServiceFactory, apply_fn_factory};
use bytes::Bytes;

use crate::body::Body;
use crate::framing::{is_ambiguous, rejection};
use crate::turn::Turn;

/// Wraps an app, and records in [`Turn`] how actix-http has decoded each request and when its
/// response has ended. The app does not get ambiguous requests.
///
/// Errors of the app become responses here, so that their ends are seen as well.
pub(crate) fn watch<A, B>(
    app: A,
) -> impl ServiceFactory<
    Request,
    Config = (),
    Response = Response<Watched>,
    Error = A::Error,
    InitError = A::InitError,
>
where
    A: ServiceFactory<Request, Config = ()>,
    A::Response: Into<Response<B>>,
    A::Error: Into<Response<BoxBody>>,
    B: MessageBody + 'static,
{
    apply_fn_factory::<A, A, _, _, Request, Request, Response<Watched>, A::Error>(
        app,
        |mut request: Request, app: &A::Service| {
            let body = Body::of(&mut request);
            let turn = request.conn_data::<Rc<Turn>>().cloned();
            if let Some(turn) = &turn {
                turn.begin(body);
            }
            let response = (!is_ambiguous(&request, body)).then(|| app.call(request));
            async move {
                let response: Response<BoxBody> = match response {
                    None => rejection(),
                    Some(response) => match response.await {
                        Ok(response) => {
                            let response: Response<B> = response.into();
                            response.map_into_boxed_body()
                        }
                        Err(error) => error.into(),
                    },
                };
                Ok(response.map_body(|_, body| Watched { body, turn }))
            }
        },
    )
}

/// The body of a response. The dispatcher drops it when it has taken the last byte.
pub(crate) struct Watched {
    body: BoxBody,
    turn: Option<Rc<Turn>>,
}

impl MessageBody for Watched {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(cx)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(turn) = &self.turn {
            turn.answer();
        }
    }
}
