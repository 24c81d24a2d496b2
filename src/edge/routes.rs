//! Which routes there are. What is not in this table is not there, and what is in it is described in `openapi.json`.

use url::form_urlencoded;

use super::parameters::{Kind, Parameter, optional, required};

/// What is done on a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answers Meta's handshake.
    Challenge,
    /// Stores what happened.
    Receive,
    /// Tells whether Transom is set up.
    Health,
    /// Gives the description of all routes.
    Describe,
    /// Gives figures to Prometheus.
    Metrics,
    /// Tells how a conversation stands.
    Conversation,
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

impl Action {
    /// Whether it asks for the bearer token of the admin API.
    pub fn needs_token(self) -> bool {
        !matches!(
            self,
            Self::Challenge | Self::Receive | Self::Health | Self::Describe
        )
    }
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

const NUMBER: Parameter = required("phone_number_id", Kind::Mailbox);

const DESTINATION: Parameter = optional("destination", Kind::Destination);
const EVENT: Parameter = optional("event", Kind::Text);
const CONVERSATION: Parameter = optional("conversation", Kind::Whole);
const PERSON: Parameter = optional("person", Kind::Text);
const FROM: Parameter = optional("from", Kind::Time);
const UNTIL: Parameter = optional("until", Kind::Time);
const LIMIT: Parameter = optional("limit", Kind::Limit);

/// All routes.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/webhook",
        in_path: &[],
        parameters: &[
            required("hub.mode", Kind::Text),
            required("hub.verify_token", Kind::Text),
            required("hub.challenge", Kind::Text),
        ],
        action: Action::Challenge,
    },
    Route {
        method: "POST",
        path: "/webhook",
        in_path: &[],
        parameters: &[],
        action: Action::Receive,
    },
    Route {
        method: "GET",
        path: "/health",
        in_path: &[],
        parameters: &[],
        action: Action::Health,
    },
    Route {
        method: "HEAD",
        path: "/health",
        in_path: &[],
        parameters: &[],
        action: Action::Health,
    },
    Route {
        method: "GET",
        path: "/metrics",
        in_path: &[],
        parameters: &[optional("phone_number_id", Kind::Mailbox)],
        action: Action::Metrics,
    },
    Route {
        method: "GET",
        path: "/v1/openapi.json",
        in_path: &[],
        parameters: &[],
        action: Action::Describe,
    },
    Route {
        method: "GET",
        path: "/v1/conversations/{phone_number_id}/{person}",
        in_path: &[NUMBER, required("person", Kind::Text)],
        parameters: &[optional("statuses", Kind::Flag)],
        action: Action::Conversation,
    },
    Route {
        method: "POST",
        path: "/v1/conversations/{phone_number_id}/{person}/handover",
        in_path: &[NUMBER, required("person", Kind::Text)],
        parameters: &[
            required("paused", Kind::Flag),
            optional("for_s", Kind::Whole),
        ],
        action: Action::HandOver,
    },
    Route {
        method: "GET",
        path: "/v1/consent/{phone_number_id}/{person}",
        in_path: &[NUMBER, required("person", Kind::Text)],
        parameters: &[],
        action: Action::Consent,
    },
    Route {
        method: "PUT",
        path: "/v1/consent/{phone_number_id}/{person}",
        in_path: &[NUMBER, required("person", Kind::Text)],
        parameters: &[
            required("state", Kind::Standing),
            optional("note", Kind::Text),
            optional("time", Kind::Time),
        ],
        action: Action::SetConsent,
    },
    Route {
        method: "GET",
        path: "/v1/numbers",
        in_path: &[],
        parameters: &[optional("after", Kind::Mailbox), LIMIT],
        action: Action::Numbers,
    },
    Route {
        method: "GET",
        path: "/v1/destinations/{phone_number_id}",
        in_path: &[NUMBER],
        parameters: &[
            optional("partition", Kind::Whole),
            optional("after", Kind::Destination),
            LIMIT,
        ],
        action: Action::Destinations,
    },
    Route {
        method: "GET",
        path: "/v1/drift",
        in_path: &[],
        parameters: &[optional("after", Kind::Seen), LIMIT],
        action: Action::Drift,
    },
    Route {
        method: "GET",
        path: "/v1/dead-letters/{phone_number_id}",
        in_path: &[NUMBER],
        parameters: &[
            DESTINATION,
            EVENT,
            CONVERSATION,
            PERSON,
            FROM,
            UNTIL,
            optional("after", Kind::Place),
            LIMIT,
            optional("content", Kind::Flag),
        ],
        action: Action::DeadLetters,
    },
    Route {
        method: "DELETE",
        path: "/v1/dead-letters/{phone_number_id}",
        in_path: &[NUMBER],
        parameters: &[
            required("destination", Kind::Destination),
            EVENT,
            CONVERSATION,
            PERSON,
            FROM,
            UNTIL,
            optional("confirm", Kind::Whole),
        ],
        action: Action::DeleteDeadLetters,
    },
    Route {
        method: "GET",
        path: "/v1/replays/{phone_number_id}",
        in_path: &[NUMBER],
        parameters: &[optional("after", Kind::Text), LIMIT],
        action: Action::Replays,
    },
    Route {
        method: "POST",
        path: "/v1/replays/{phone_number_id}",
        in_path: &[NUMBER],
        parameters: &[
            DESTINATION,
            optional("to", Kind::Destination),
            optional("of", Kind::Of),
            EVENT,
            CONVERSATION,
            PERSON,
            FROM,
            UNTIL,
        ],
        action: Action::Replay,
    },
    Route {
        method: "GET",
        path: "/v1/replays/{phone_number_id}/{id}",
        in_path: &[NUMBER, required("id", Kind::Text)],
        parameters: &[],
        action: Action::TellReplay,
    },
    Route {
        method: "POST",
        path: "/v1/replays/{phone_number_id}/{id}/stop",
        in_path: &[NUMBER, required("id", Kind::Text)],
        parameters: &[],
        action: Action::StopReplay,
    },
    Route {
        method: "POST",
        path: "/v1/messages",
        in_path: &[],
        // Read in the mailbox, which tells all that is wrong at once.
        parameters: &[],
        action: Action::Send,
    },
    Route {
        method: "GET",
        path: "/v1/messages/{id}",
        in_path: &[required("id", Kind::Text)],
        parameters: &[],
        action: Action::Sent,
    },
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
