//! Reads the body of a response up to a size limit.

use crate::Error;

/// Reads a body of at most `limit` bytes.
///
/// A body is rejected unread if its `Content-Length` is over the limit. The bytes that arrive are
/// counted as well. So a wrong `Content-Length` or an endless body takes at most `limit` of memory.
pub(crate) async fn read(
    mut response: reqwest::Response,
    limit: usize,
    request_id: Option<&str>,
) -> Result<Vec<u8>, Error> {
    let too_large = || Error::TooLarge { limit, request_id: request_id.map(str::to_owned) };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::from_http)? {
        if chunk.len() > limit - body.len() {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
