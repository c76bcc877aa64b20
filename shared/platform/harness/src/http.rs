//! Runs a route: authenticates, authorises, reads, calls the function, and turns its answer or failure into HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carillon_contracts::Origin;
use carillon_dynamo::Table;
use carillon_kernel::{Clock, Failure, IdSource, Kind, Setup, SetupError};
use serde_json::{Value, json};

use crate::call::{Call, RawRequest};
use crate::edge::Edge;
use crate::entry::{BoxFuture, Invocation, Invoke};
use crate::event::{HttpEvent, HttpReply};
use crate::function::{HttpFunction, PublicFunction};
use crate::gate::{Admission, Admitted, Gate};
use crate::idempotency::{Begin, Idempotency};
use crate::rate::{AddressRates, RateClass, Standing};
use crate::reply::Reply;
use crate::{input, log};

/// The largest body that is read, in bytes.
pub(crate) const LARGEST_BODY: usize = 1024 * 1024;

/// What every answer tells browsers that does not say otherwise: TLS only, nothing to guess, to frame, to keep or to pass on.
///
/// RFC 6797; <https://owasp.org/www-project-secure-headers/>.
const FOR_BROWSERS: [(&str, &str); 5] = [
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
];

/// Answers requests without knowing the function's type: compiled once.
trait Answer: Send + Sync {
    fn answer(&self, request: RawRequest) -> BoxFuture<'_, Answered>;
}

/// What becomes of a request, and where its caller stands with the limits.
struct Answered {
    outcome: Result<Reply, Failure>,
    standing: Option<Standing>,
}

struct Route<A> {
    journal: log::Journal,
    clock: Clock,
    edge: Edge,
    answer: Arc<A>,
}

struct Authorised<F> {
    function: F,
    gate: Gate,
    table: Table,
    clock: Clock,
    ids: IdSource,
}

struct Open<F> {
    function: F,
    rates: Option<AddressRates>,
}

pub(crate) fn build<F: HttpFunction>(setup: &Setup) -> Result<Box<dyn Invoke>, SetupError> {
    let answer = Authorised {
        function: F::build(setup)?,
        gate: Gate::from_setup(setup)?,
        table: Table::from_setup(setup, "ENTITIES_TABLE")?,
        clock: setup.clock(),
        ids: setup.ids(),
    };
    Ok(route(setup, F::NAME, answer))
}

pub(crate) fn build_public<F: PublicFunction>(setup: &Setup) -> Result<Box<dyn Invoke>, SetupError> {
    let rates = match F::RATE_CLASS {
        RateClass::Open => None,
        _ => Some(AddressRates::from_setup(setup)?),
    };
    Ok(route(setup, F::NAME, Open { function: F::build(setup)?, rates }))
}

fn route<A: Answer + 'static>(setup: &Setup, name: &'static str, answer: A) -> Box<dyn Invoke> {
    let journal = log::Journal::from_setup(setup, name);
    Box::new(Route { journal, clock: setup.clock(), edge: Edge::from_setup(setup), answer: Arc::new(answer) })
}

impl<A: Answer> Invoke for Route<A> {
    fn invoke(&self, event: Value, invocation: Invocation) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(serve(&self.journal, (&self.clock, &self.edge), &*self.answer, (event, invocation)))
    }
}

async fn serve(journal: &log::Journal, world: (&Clock, &Edge), answer: &dyn Answer, what: (Value, Invocation)) -> Result<Value, String> {
    let (event, invocation) = what;
    let event: HttpEvent = serde_json::from_value(event).map_err(|error| format!("not a request of payload 2.0: {error}"))?;
    let request_id =
        if event.request_context.request_id.is_empty() { invocation.request_id } else { event.request_context.request_id.clone() };
    // Where the runtime names no trace, API Gateway's own header does.
    let trace = invocation.trace.or_else(|| event.headers.get("x-amzn-trace-id")?.parse().ok());
    let span = journal.open(&request_id, invocation.remaining, log::Traces::one(trace));
    let Answered { outcome, standing } = match raw_request(event, world, &request_id) {
        Ok(request) => span.run(answer.answer(request)).await,
        Err(failure) => Answered { outcome: Err(failure), standing: None },
    };
    let reply = match outcome {
        Ok(reply) => {
            span.close_http(reply.status, None);
            reply
        }
        Err(failure) => {
            let reply = problem_document(&failure, &request_id);
            span.close_http(reply.status, Some(&failure));
            reply
        }
    };
    let mut reply = reply.header("x-request-id", request_id);
    reply.headers.extend(standing.map(|standing| standing.headers()).unwrap_or_default());
    for (name, value) in FOR_BROWSERS {
        reply.headers.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    let reply =
        HttpReply { status_code: reply.status, headers: reply.headers, cookies: reply.cookies, body: reply.body, is_base64_encoded: false };
    serde_json::to_value(reply).map_err(|error| error.to_string())
}

fn raw_request(event: HttpEvent, (clock, edge): (&Clock, &Edge), request_id: &str) -> Result<RawRequest, Failure> {
    let unreadable = |detail: &str| Failure::new(Kind::Unreadable, "request.unreadable", detail);
    let ip = edge.client_address(&event)?;
    let cookies = event.sent_cookies();
    let body = match (event.body, event.is_base64_encoded) {
        (None, _) => Vec::new(),
        (Some(text), false) => text.into_bytes(),
        (Some(text), true) => STANDARD.decode(text).map_err(|_| unreadable("the body is not base 64"))?,
    };
    if body.len() > LARGEST_BODY {
        return Err(unreadable("the body is larger than 1 MiB"));
    }
    let decode = |text: String| percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
    Ok(RawRequest {
        method: event.request_context.http.method,
        raw_path: event.raw_path,
        raw_query: event.raw_query_string,
        headers: event.headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect(),
        path: event.path_parameters.into_iter().map(|(name, value)| (name, decode(value))).collect(),
        body,
        cookies,
        origin: Origin {
            ip,
            user_agent: Some(event.request_context.http.user_agent).filter(|text| !text.is_empty()),
            request_id: request_id.to_owned(),
        },
        moment: clock.now(),
    })
}

impl<F: PublicFunction> Answer for Open<F> {
    fn answer(&self, request: RawRequest) -> BoxFuture<'_, Answered> {
        Box::pin(async move {
            let Some(rates) = &self.rates else { return Answered { outcome: self.function.handle(request).await, standing: None } };
            let standing = match rates.count(request.origin.ip, request.moment).await {
                Ok(standing) => standing,
                Err(failure) => return Answered { outcome: Err(failure), standing: None },
            };
            let outcome = match standing.refusal() {
                Ok(()) => self.function.handle(request).await,
                Err(failure) => Err(failure),
            };
            Answered { outcome, standing: Some(standing) }
        })
    }
}

impl<F: HttpFunction> Answer for Authorised<F> {
    fn answer(&self, request: RawRequest) -> BoxFuture<'_, Answered> {
        Box::pin(async move {
            let Admission { outcome, standing } = self.gate.admit(&request, F::PERMISSION).await;
            let outcome = match outcome {
                Ok(admitted) => self.call(admitted, request).await,
                Err(failure) => Err(failure),
            };
            Answered { outcome, standing }
        })
    }
}

impl<F: HttpFunction> Authorised<F> {
    async fn call(&self, (caller, retention): Admitted, request: RawRequest) -> Result<Reply, Failure> {
        let query: F::Query = input::read_query(&request.raw_query)?;
        let body: F::Body = input::read_body(&request.body)?;
        let now = self.clock.now();
        let mut call = Call {
            caller,
            query,
            body,
            moment: now,
            received_at: now,
            origin: request.origin,
            retention,
            function: F::NAME,
            table: self.table.name(),
            path: request.path,
            cookies: request.cookies,
            if_match: request.headers.get("if-match").cloned(),
            ids: self.ids.clone(),
        };
        let key = request.headers.get("idempotency-key").filter(|_| F::KEEPS_ANSWER && request.method == "POST");
        let Some(key) = key else { return self.function.handle(call).await };

        let records = Idempotency(&self.table);
        let mut whole = request.raw_path.into_bytes();
        whole.extend_from_slice(&request.body);
        let claim = match records.begin((&call.caller, F::NAME), key, &whole, call.moment).await? {
            Begin::Done(reply) => return Ok(reply),
            Begin::Work(claim) => claim,
        };
        call.moment = claim.moment;
        call.ids = claim.ids.clone();
        match self.function.handle(call).await {
            Ok(reply) => {
                records.complete(&claim, &reply).await?;
                Ok(reply)
            }
            Err(failure) => {
                // A failure that may have had an effect keeps the key: the next try finds the same ids.
                if !failure.is_retryable() {
                    records.release(&claim).await?;
                }
                Err(failure)
            }
        }
    }
}

fn status(kind: Kind) -> (u16, &'static str) {
    match kind {
        Kind::Unreadable => (400, "Bad Request"),
        Kind::Unauthenticated => (401, "Unauthorized"),
        Kind::Forbidden => (403, "Forbidden"),
        Kind::Absent => (404, "Not Found"),
        Kind::Conflict => (409, "Conflict"),
        Kind::Invalid => (422, "Unprocessable Content"),
        Kind::Limited => (429, "Too Many Requests"),
        Kind::Unavailable => (503, "Service Unavailable"),
        Kind::Internal => (500, "Internal Server Error"),
    }
}

/// Writes a failure as an RFC 9457 problem document.
fn problem_document(failure: &Failure, request_id: &str) -> Reply {
    let (status, title) = status(failure.kind);
    let inner = matches!(failure.kind, Kind::Internal | Kind::Unavailable);
    let detail =
        if inner { "something on our side failed; try again, and tell us the instance if it stays" } else { failure.detail.as_str() };
    let mut document = json!({
        "type": format!("https://carillon.dev/problems/{}", failure.code),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request_id,
        "code": if failure.kind == Kind::Internal { "internal" } else { failure.code },
    });
    if let (false, Some(map)) = (failure.problems.is_empty(), document.as_object_mut()) {
        map.insert("errors".to_owned(), serde_json::to_value(&failure.problems).unwrap_or_default());
    }
    let mut headers = BTreeMap::from([("content-type".to_owned(), "application/problem+json".to_owned())]);
    // Rounded up: who waits as long as this is not told to wait once more.
    let retry = failure
        .retry_after
        .map(|wait| (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
        .or((failure.kind == Kind::Unavailable).then_some(1));
    if let Some(seconds) = retry {
        headers.insert("retry-after".to_owned(), seconds.to_string());
    }
    if failure.kind == Kind::Unauthenticated {
        headers.insert("www-authenticate".to_owned(), "Bearer".to_owned());
    }
    Reply { status, headers, cookies: Vec::new(), body: document.to_string() }
}
