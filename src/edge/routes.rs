//! Which routes there are. What is not in this table is not there, and what is in it is described in `openapi.json`.

use url::form_urlencoded;

use super::parameters::{Kind, Parameter, optional, required};

/// What is done on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// What anybody may ask for. All else asks for the bearer token of the admin API.
    Open(Open),
    /// Gives figures to Prometheus.
    Metrics,
    /// Tells how a conversation stands.
    Conversation,
    /// Forgets a person.
    Forget,
    /// Has a person take a conversation over, or give it back.
    HandOver,
    /// Tells which numbers the settings name.
    Numbers,
    /// Tells whether a customer wants to be written to.
    Consent,
    /// Takes note of whether a customer wants to be written to.
    SetConsent,
    /// Tells how the destinations stand.
    Destinations,
    /// Has all that waits for a destination be tried now.
    Retry,
    /// Tells what Meta sends that we do not know.
    Drift,
    /// Lists dead letters.
    DeadLetters,
    /// Deletes dead letters.
    DeleteDeadLetters,
    /// Has events delivered once more.
    Replay,
    /// Lists replays.
    Replays,
    /// Tells of one replay.
    TellReplay,
    /// Stops a replay.
    StopReplay,
    /// Has messages sent, or one marked as read.
    Send,
    /// Tells how a send went.
    Sent,
}

/// What is done without a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Answers Meta's handshake.
    Challenge,
    /// Stores what happened.
    Receive,
    /// Tells whether Transom is set up.
    Health,
    /// Gives the description of all routes.
    Describe,
}

/// A route.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// In upper case.
    pub method: &'static str,
    /// As OpenAPI writes it: `/v1/destinations/{phone_number_id}`.
    pub path: &'static str,
    /// The parameters in the path, in their order.
    pub in_path: &'static [Parameter],
    /// The parameters in the query or, where the method is POST or PUT, the members of the JSON body.
    pub parameters: &'static [Parameter],
    /// What is done.
    pub action: Action,
}

impl Route {
    /// Whether its parameters stand in a body.
    pub fn has_body(&self) -> bool {
        matches!(self.method, "POST" | "PUT")
    }

    /// With these parameters in the path.
    const fn at(self, in_path: &'static [Parameter]) -> Self {
        Self { in_path, ..self }
    }

    /// With these parameters in the query or the body.
    const fn with(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }
}

/// A route that a request matches.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The route.
    pub route: &'static Route,
    /// The values of the parameters in its path, decoded.
    pub in_path: Vec<String>,
}

/// Why no route matches.
#[derive(Debug, PartialEq, Eq)]
pub enum NotFound {
    /// Nothing is there.
    Path,
    /// These methods are there: `GET, POST`.
    Method(String),
}

const fn route(method: &'static str, path: &'static str, action: Action) -> Route {
    Route {
        method,
        path,
        in_path: &[],
        parameters: &[],
        action,
    }
}

const fn get(path: &'static str, action: Action) -> Route {
    route("GET", path, action)
}

const fn post(path: &'static str, action: Action) -> Route {
    route("POST", path, action)
}

const NUMBER: Parameter = required("phone_number_id", Kind::Mailbox);
const OF_DESTINATION: &[Parameter] = &[NUMBER, required("destination", Kind::Destination)];
const OF_NUMBER: &[Parameter] = &[NUMBER];
const OF_PERSON: &[Parameter] = &[NUMBER, required("person", Kind::Person)];
const OF_REPLAY: &[Parameter] = &[NUMBER, required("id", Kind::Text)];

const DESTINATION: Parameter = optional("destination", Kind::Destination);
const EVENT: Parameter = optional("event", Kind::Text);
const CONVERSATION: Parameter = optional("conversation", Kind::Whole);
const PERSON: Parameter = optional("person", Kind::Person);
const FROM: Parameter = optional("from", Kind::Time);
const UNTIL: Parameter = optional("until", Kind::Time);
const LIMIT: Parameter = optional("limit", Kind::Limit);

/// All routes.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    get("/webhook", Action::Open(Open::Challenge)).with(&[
        required("hub.mode", Kind::Text),
        required("hub.verify_token", Kind::Text),
        required("hub.challenge", Kind::Text),
    ]),
    post("/webhook", Action::Open(Open::Receive)),
    get("/health", Action::Open(Open::Health)),
    route("HEAD", "/health", Action::Open(Open::Health)),
    get("/metrics", Action::Metrics).with(&[optional("phone_number_id", Kind::Mailbox)]),
    get("/v1/openapi.json", Action::Open(Open::Describe)),
    get("/v1/conversations/{phone_number_id}/{person}", Action::Conversation)
        .at(OF_PERSON)
        .with(&[optional("statuses", Kind::Flag)]),
    route("DELETE", "/v1/conversations/{phone_number_id}/{person}", Action::Forget).at(OF_PERSON),
    post("/v1/conversations/{phone_number_id}/{person}/handover", Action::HandOver)
        .at(OF_PERSON)
        .with(&[required("paused", Kind::Flag), optional("for_s", Kind::Whole)]),
    get("/v1/consent/{phone_number_id}/{person}", Action::Consent).at(OF_PERSON),
    route("PUT", "/v1/consent/{phone_number_id}/{person}", Action::SetConsent).at(OF_PERSON).with(&[
        required("state", Kind::OneOf("opted_in or opted_out")),
        optional("note", Kind::Text),
        optional("time", Kind::Time),
    ]),
    get("/v1/numbers", Action::Numbers).with(&[optional("after", Kind::Mailbox), LIMIT]),
    get("/v1/destinations/{phone_number_id}", Action::Destinations).at(OF_NUMBER).with(&[
        optional("partition", Kind::Whole),
        optional("after", Kind::Destination),
        LIMIT,
    ]),
    post("/v1/destinations/{phone_number_id}/{destination}/retry", Action::Retry).at(OF_DESTINATION),
    get("/v1/drift", Action::Drift).with(&[optional("after", Kind::Seen), LIMIT]),
    get("/v1/dead-letters/{phone_number_id}", Action::DeadLetters).at(OF_NUMBER).with(&[
        DESTINATION,
        EVENT,
        CONVERSATION,
        PERSON,
        FROM,
        UNTIL,
        optional("waiting", Kind::Flag),
        optional("after", Kind::Place),
        LIMIT,
        optional("content", Kind::Flag),
    ]),
    route("DELETE", "/v1/dead-letters/{phone_number_id}", Action::DeleteDeadLetters).at(OF_NUMBER).with(&[
        required("destination", Kind::Destination),
        EVENT,
        CONVERSATION,
        PERSON,
        FROM,
        UNTIL,
        optional("confirm", Kind::Whole),
    ]),
    get("/v1/replays/{phone_number_id}", Action::Replays)
        .at(OF_NUMBER)
        .with(&[optional("after", Kind::Text), LIMIT]),
    post("/v1/replays/{phone_number_id}", Action::Replay).at(OF_NUMBER).with(&[
        DESTINATION,
        optional("to", Kind::Destination),
        optional("of", Kind::OneOf("dead-letters or all")),
        EVENT,
        CONVERSATION,
        PERSON,
        FROM,
        UNTIL,
    ]),
    get("/v1/replays/{phone_number_id}/{id}", Action::TellReplay).at(OF_REPLAY),
    post("/v1/replays/{phone_number_id}/{id}/stop", Action::StopReplay).at(OF_REPLAY),
    // Its body is read in the mailbox, which tells all that is wrong at once.
    post("/v1/messages", Action::Send),
    get("/v1/messages/{id}", Action::Sent).at(&[required("id", Kind::Text)]),
];

/// The path of a URL. The platform writes none without a path.
pub fn path_of(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let path = after
        .find('/')
        .and_then(|at| after.get(at..))
        .unwrap_or("/");
    path.split(['?', '#']).next().unwrap_or(path)
}

/// The route of a request, by its method and its path as it came.
pub fn find(method: &str, path: &str) -> Result<Found, NotFound> {
    let mut allowed = Vec::new();
    for route in ROUTES {
        let Some(in_path) = matched(route.path, path) else {
            continue;
        };
        if route.method == method {
            return Ok(Found { route, in_path });
        }
        allowed.push(route.method);
    }
    Err(if allowed.is_empty() {
        NotFound::Path
    } else {
        NotFound::Method(allowed.join(", "))
    })
}

/// What stands in a path where the template has parameters, if it matches.
fn matched(template: &str, path: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let mut segments = path.split('/');
    for expected in template.split('/') {
        let segment = segments.next()?;
        if expected.starts_with('{') {
            values.push(decoded(segment));
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(values)
}

/// A segment, percent-decoded. In a path a plus stays a plus, as in front of a phone number.
fn decoded(segment: &str) -> String {
    let value = format!("={}", segment.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(value.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
