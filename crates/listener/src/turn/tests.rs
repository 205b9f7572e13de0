use super::{Phase, Turn};
use crate::body::Body;
use crate::chunked::Chunked;
use crate::head::Head;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Ends the response of the current request, and starts the next request.
fn answer(turn: &Turn) {
    assert!(!turn.finish(), "the response has not ended");
    turn.answer();
    assert!(turn.finish());
}

#[test]
fn second_request_passes_after_the_first_response() {
    let turn = Turn::new();
    assert_eq!(turn.admit(&[GET, GET].concat()), GET.len());
    assert!(turn.wait(), "actix-http has a head to decode");
    turn.begin(None);
    assert!(!turn.wait(), "actix-http has nothing to decode");
    assert_eq!(turn.admit(GET), 0, "the response has not ended");
    turn.answer();
    assert_eq!(turn.admit(GET), 0, "the response is not sent");
    assert!(turn.finish());
    assert!(!turn.finish(), "a response starts one request");
    assert_eq!(turn.admit(GET), GET.len());
}

#[test]
fn response_before_the_end_of_the_body_starts_no_request() {
    let turn = Turn::new();
    assert_eq!(turn.admit(POST), POST.len());
    turn.begin(Some(Body::Length(4)));
    turn.answer();
    assert!(!turn.finish());
    assert_eq!(turn.admit(b"da"), 2);
    assert!(!turn.finish());
    assert_eq!(turn.admit(b"taGET"), 2);
    assert!(turn.finish());
}

#[test]
fn nothing_passes_from_a_malformed_body() {
    let turn = Turn::new();
    assert_eq!(turn.admit(CHUNKED), CHUNKED.len());
    turn.begin(Some(Body::Chunked(Chunked::Size)));
    assert_eq!(turn.admit(b"1\r\na\r\n"), 6);
    assert!(!turn.is_malformed());
    assert_eq!(turn.admit(b"0\r\n\n\r\n\r\n"), 0);
    assert!(turn.is_malformed());
    turn.answer();
    assert!(!turn.finish(), "no other request starts");
    assert_eq!(turn.admit(GET), 0);
}

#[test]
fn announced_body_passes_with_its_head() {
    for (body, passing, rest) in [("", 0, 4), ("da", 2, 2), ("data", 4, 0), ("dataGET", 4, 0)] {
        let turn = Turn::new();
        assert_eq!(turn.admit(&[POST, body.as_bytes()].concat()), POST.len() + passing, "{body}");
        turn.begin(Some(Body::Length(4)));
        assert_eq!(turn.admit(&b"dataGET"[passing..]), rest, "{body}");
        assert_eq!(turn.admit(b"GET"), 0, "{body}");
        answer(&turn);
    }
}

#[test]
fn announced_body_passes_over_several_reads_before_the_service_is_called() {
    let turn = Turn::new();
    assert_eq!(turn.admit(&[POST, b"d"].concat()), POST.len() + 1);
    assert_eq!(turn.admit(b"at"), 2);
    assert_eq!(turn.admit(b"aGET"), 1);
    assert!(turn.wait());
    turn.begin(Some(Body::Length(4)));
    assert_eq!(turn.phase.get(), Phase::Complete);
}

#[test]
fn body_of_a_divided_head_waits_for_the_service() {
    for cut in 1..POST.len() {
        let turn = Turn::new();
        assert_eq!(turn.admit(&POST[..cut]), cut);
        let rest = [&POST[cut..], b"dataGET"].concat();
        assert_eq!(turn.admit(&rest), POST.len() - cut, "a part of a head announces nothing");
        turn.begin(Some(Body::Length(4)));
        assert_eq!(turn.admit(b"dataGET"), 4);
        answer(&turn);
    }
}

#[test]
fn chunked_body_passes_after_the_service_is_called() {
    let (turn, body) = (Turn::new(), &b"4;x\r\ndata\r\n0\r\nA: 1\r\n\r\n"[..]);
    assert_eq!(turn.admit(&[CHUNKED, body].concat()), CHUNKED.len());
    assert!(turn.wait());
    turn.begin(Some(Body::Chunked(Chunked::Size)));
    assert_eq!(turn.admit(&[body, GET].concat()), body.len());
    answer(&turn);
    assert_eq!(turn.admit(GET), GET.len());
}

#[test]
fn endless_body_is_never_complete() {
    let turn = Turn::new();
    assert_eq!(turn.admit(&[GET, b"data"].concat()), GET.len());
    turn.begin(Some(Body::Endless));
    turn.answer();
    for _ in 0..3 {
        assert_eq!(turn.admit(GET), GET.len());
        assert!(!turn.finish());
    }
}

#[test]
fn empty_lines_before_a_request_pass_with_it() {
    let turn = Turn::new();
    assert_eq!(turn.admit(b"\r\n\n"), 3);
    assert!(!turn.wait());
    assert_eq!(turn.admit(&[&b"\r\n"[..], POST, b"dataGET"].concat()), POST.len() + 6);
    turn.begin(Some(Body::Length(4)));
    answer(&turn);
}

#[test]
fn begin_breaks_the_connection_if_actix_http_reads_another_body() {
    let offered = |passed, left| Phase::Offered { passed, left, waits: true };
    let length = |length| Some(Body::Length(length));
    let chunked = Some(Body::Chunked(Chunked::Size));
    for (phase, body, next) in [
        (offered(0, 0), None, Phase::Complete),
        (offered(0, 0), length(4), Phase::Body(Body::Length(4))),
        (offered(0, 0), chunked, Phase::Body(Body::Chunked(Chunked::Size))),
        (offered(0, 0), Some(Body::Endless), Phase::Body(Body::Endless)),
        (offered(4, 0), length(4), Phase::Complete),
        (offered(1, 3), length(4), Phase::Body(Body::Length(3))),
        // Nothing has passed, so the guess is dropped.
        (offered(0, 4), length(4), Phase::Body(Body::Length(4))),
        (offered(0, 4), length(5), Phase::Body(Body::Length(5))),
        (offered(0, 4), None, Phase::Complete),
        (offered(4, 0), length(5), Phase::Broken),
        (offered(1, 3), length(3), Phase::Broken),
        (offered(1, 3), None, Phase::Broken),
        (offered(1, 3), chunked, Phase::Broken),
        (offered(1, 3), Some(Body::Endless), Phase::Broken),
        // The service is called without a head that has passed.
        (Phase::START, None, Phase::Broken),
        (Phase::Body(Body::Length(1)), None, Phase::Broken),
        (Phase::Complete, None, Phase::Broken),
        (Phase::Broken, None, Phase::Broken),
    ] {
        assert_eq!(phase.begin(body), next, "{phase:?} and {body:?}");
    }
}

#[test]
fn head_that_actix_http_does_not_accept_yet_gets_more_bytes() {
    let turn = Turn::new();
    assert_eq!(turn.admit(&[GET, b"more"].concat()), GET.len());
    assert!(turn.wait());
    assert_eq!(turn.admit(b"more"), 4);
    assert_eq!(turn.phase.get(), Phase::Head(Head::Line));
    assert_eq!(turn.admit(b"\r\n\r\nGET"), 4);
    turn.begin(None);
    answer(&turn);
}

#[test]
fn nothing_passes_on_a_broken_connection() {
    let turn = Turn::new();
    assert_eq!(turn.admit(&[POST, b"data"].concat()), POST.len() + 4);
    turn.begin(None);
    assert!(turn.is_broken() && !turn.wait());
    turn.answer();
    assert!(!turn.finish());
    assert_eq!(turn.admit(GET), 0);
}

/// Behind a body that the app has not read, actix-http discards all bytes until the client ends.
#[test]
fn all_bytes_pass_if_actix_http_only_discards_them() {
    let turn = Turn::new();
    assert_eq!(turn.admit(&[POST, b"data"].concat()), POST.len() + 4);
    assert!(turn.wait(), "no service is called");
    assert_eq!(turn.admit(&[GET, GET].concat()), 2 * GET.len());
    assert!(!turn.is_broken() && !turn.finish());
    turn.begin(None);
    assert!(turn.is_broken(), "actix-http has decoded a request nevertheless");
}

#[test]
fn unfinished_head_is_one_after_the_first_request() {
    let turn = Turn::new();
    turn.admit(b"GET");
    assert_eq!(turn.unfinished_head(), None, "actix-http limits the first head");
    turn.admit(&GET[3..]);
    turn.begin(None);
    answer(&turn);
    assert_eq!(turn.unfinished_head(), None, "nothing has arrived");
    turn.admit(b"\r\n");
    assert_eq!(turn.unfinished_head(), Some(Head::Start));
    turn.admit(b"G");
    assert_eq!(turn.unfinished_head(), Some(Head::Line));
    turn.admit(&GET[1..]);
    turn.begin(None);
    assert_eq!(turn.unfinished_head(), None);
}
