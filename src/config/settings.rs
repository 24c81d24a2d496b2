//! All that can be set, from the environment of the Worker.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::{
    checked::{self, Fault, Node},
    config::{
        Answering, CheckedUrl, Consent, Destination, Number, Secret, Sending, number, placeholder,
        variables,
    },
    meta::graph::{self, Message, messages_url},
};

/// All that is set. There is one only if all of it checks out: with anything wrong, every webhook is refused, and
/// Meta repeats it until it is put right.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `META_APP_SECRET`: what webhooks are signed with. At least one.
    pub app_secrets: Vec<Secret>,
    /// `META_VERIFY_TOKEN`: what Meta presents in its challenge. At least one.
    pub verify_tokens: Vec<Secret>,
    /// `ADMIN_TOKEN`; without it the admin API refuses everyone.
    pub admin_token: Option<Secret>,
    /// How the Graph API is reached.
    pub graph: Graph,
    /// `CONFIG`.
    pub config: Config,
}

/// What `CONFIG` holds.
#[derive(Debug, Clone)]
pub struct Config {
    /// `CONFIG.destinations`.
    pub destinations: Vec<Destination>,
    /// `CONFIG.sending`.
    pub sending: Sending,
    /// `CONFIG.fallback`: the template that goes where a message names none of its own and the window is closed.
    pub fallback: Option<Message>,
    /// `CONFIG.windows.step_s`: how far a window's end moves before it is told to other Workers again, in seconds.
    pub window_step_s: i64,
    /// `CONFIG.consent`; `None` where nobody is asked what customers want.
    pub consent: Option<Consent>,
    /// `CONFIG.replies` and `CONFIG.answering`; `None` where nothing is answered by itself.
    pub answering: Option<Answering>,
    /// `CONFIG.numbers`: those of which something is set. Others work as well.
    pub numbers: Vec<Number>,
    /// `CONFIG.keep_hours`: for how long events are kept that every destination has got, so that they can be replayed.
    /// Hours; 0 where not set: what nobody waits for is not kept.
    pub keep_hours: u32,
    /// `CONFIG.couriers`: what a mailbox delivers beside a few requests of its own goes by objects with connections of
    /// their own. True where not set.
    pub couriers: bool,
}

/// How the Graph API is reached.
#[derive(Debug, Clone)]
pub struct Graph {
    /// `GRAPH_BASE_URL`.
    pub base_url: CheckedUrl,
    /// `GRAPH_VERSION`, of the form `v25.0`.
    pub version: String,
    /// `GRAPH_ACCESS_TOKEN`; without it nothing can be sent.
    pub token: Option<Secret>,
    /// Meta's `appsecret_proof`, where `CONFIG.sending` asks for it.
    pub appsecret_proof: Option<Secret>,
}

impl Graph {
    /// Where messages of a business number are posted to; `None` where that is no number's id.
    pub fn messages_url(&self, phone_number_id: &str) -> Option<String> {
        let url = messages_url(self.base_url.as_str(), &self.version, phone_number_id)?;
        Some(match &self.appsecret_proof {
            Some(proof) => format!("{url}?appsecret_proof={}", proof.expose()),
            None => url,
        })
    }

    /// A digest, which is another one for other settings. Tells nothing of the token.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let token = self.token.as_ref().map_or("", Secret::expose);
        let proof = self.appsecret_proof.as_ref().map(Secret::expose);
        for part in [self.base_url.as_str(), &self.version, token]
            .into_iter()
            .chain(proof)
        {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }
}

/// How long the token of the admin API must be, in bytes: with it, everything can be read and sent.
const SHORTEST_ADMIN_TOKEN: usize = 16;

/// What is wrong with a setting and how to put it right. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsFault {
    /// A secret that nothing works without is not set, or blank.
    #[error("{0} is not set: npx wrangler secret put {0} (locally: a line in .dev.vars)")]
    NotSet(&'static str),
    /// A setting, or a part of `CONFIG`, is not what it must be.
    #[error("{0}")]
    Wrong(Fault),
}

/// What is said where everything is set and yet nothing is kept.
const NO_DESTINATION: &str = "CONFIG has no destination: what Meta sends gets 200 and is not kept";

/// What is said where the admin API refuses everyone.
pub const NO_ADMIN_TOKEN: &str = "ADMIN_TOKEN is not set, or has fewer than 16 characters: npx wrangler secret put ADMIN_TOKEN (locally: a line in .dev.vars)";

/// What is said where rules answer and cannot.
const NO_TOKEN: &str =
    "GRAPH_ACCESS_TOKEN is not set: what rules answer waits until it is, or is too late then";

impl Settings {
    /// Over how many objects a number's conversations are spread.
    pub fn partitions_of(&self, phone_number_id: &str) -> u32 {
        let mut numbers = self.config.numbers.iter();
        let number = numbers.find(|number| number.phone_number_id == phone_number_id);
        number.map_or(1, |number| number.partitions)
    }

    /// Reads all settings. `lookup` gives the value of a secret or a variable by its name. Either everything is
    /// right, or every fault is told.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<SettingsFault>> {
        let mut faults = Vec::new();
        let mut needed = |name| {
            let secrets = lookup(name)
                .map(|text| Secret::several(&text))
                .unwrap_or_default();
            if secrets.is_empty() {
                faults.push(SettingsFault::NotSet(name));
            }
            secrets
        };
        let app_secrets = needed("META_APP_SECRET");
        let verify_tokens = needed("META_VERIFY_TOKEN");
        let optional = |name| lookup(name).and_then(|text| Secret::one(&text));
        // A token that can be guessed opens nothing. All else goes on.
        let admin_token = optional("ADMIN_TOKEN");
        let admin_token = admin_token.filter(|it| it.expose().len() >= SHORTEST_ADMIN_TOKEN);
        let token = optional("GRAPH_ACCESS_TOKEN");

        let mut wrong =
            |found: Vec<Fault>| faults.extend(found.into_iter().map(SettingsFault::Wrong));
        if token
            .as_ref()
            .is_some_and(|it| !it.expose().bytes().all(|b| b.is_ascii_graphic()))
        {
            let reason = "must be the token alone: no Bearer, no white space";
            wrong(vec![Fault::new("GRAPH_ACCESS_TOKEN", reason)]);
        }
        let set = |name, default: &str| {
            optional_text(&lookup, name).unwrap_or_else(|| default.to_owned())
        };
        let base_url = read_base_url(&set("GRAPH_BASE_URL", "https://graph.facebook.com"));
        let base_url = base_url.map_err(|fault| wrong(vec![fault])).ok();
        let version = set("GRAPH_VERSION", "v25.0");
        if !is_version(&version) {
            let reason = "must be of the form v25.0";
            wrong(vec![Fault::new("GRAPH_VERSION", reason)]);
        }
        let config = read_config(&lookup).map_err(&mut wrong).ok();

        match (base_url, config) {
            (Some(base_url), Some(config)) if faults.is_empty() => Ok(Self {
                graph: Graph {
                    appsecret_proof: appsecret_proof(&config.sending, &app_secrets, token.as_ref()),
                    base_url,
                    version,
                    token,
                },
                app_secrets,
                verify_tokens,
                admin_token,
                config,
            }),
            _ => Err(faults),
        }
    }

    /// What is well, and yet may not be meant.
    pub fn note(&self) -> Option<&'static str> {
        let answers = self
            .config
            .answering
            .as_ref()
            .is_some_and(|answering| !answering.rules.is_empty());
        if answers && self.graph.token.is_none() {
            Some(NO_TOKEN)
        } else if self.config.destinations.is_empty() && !answers {
            Some(NO_DESTINATION)
        } else if self.admin_token.is_none() {
            Some(NO_ADMIN_TOKEN)
        } else {
            None
        }
    }

    /// These settings, where all time zones in them are known to `offset`, which gives how far a zone is from UTC at a
    /// time (unix seconds).
    pub fn in_known_zones(
        self,
        offset: fn(&str, i64) -> Option<i64>,
    ) -> Result<Self, Vec<SettingsFault>> {
        let hours = self
            .config
            .answering
            .as_ref()
            .and_then(|it| it.office_hours.as_ref());
        if hours.is_some_and(|hours| offset(&hours.time_zone, 0).is_none()) {
            let path = "answering.office_hours.time_zone";
            let reason = "is no time zone that is known: it must be one such as Europe/Madrid";
            return Err(vec![SettingsFault::Wrong(Fault::new(path, reason))]);
        }
        Ok(self)
    }
}

pub(super) fn optional_text(lookup: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    lookup(name)
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// The first of the secrets counts: while one is rotated that is the new one.
fn appsecret_proof(
    sending: &Sending,
    app_secrets: &[Secret],
    token: Option<&Secret>,
) -> Option<Secret> {
    let secret = app_secrets.first().filter(|_| sending.appsecret_proof)?;
    Secret::one(&graph::appsecret_proof(secret.expose(), token?.expose())?)
}

fn read_base_url(text: &str) -> Result<CheckedUrl, Fault> {
    let fault = |reason: &str| Fault::new("GRAPH_BASE_URL", reason);
    let url = CheckedUrl::parse(text).map_err(|error| fault(&error.to_string()))?;
    // The path of each request is put behind it.
    if text.contains('?') {
        return Err(fault("must not hold a query (?…)"));
    }
    let last = text.trim_end_matches('/').rsplit('/').next();
    if text.contains("graph.facebook.com") && last.is_some_and(is_version) {
        return Err(fault("must not end in a version: that is GRAPH_VERSION"));
    }
    Ok(url)
}

fn is_version(text: &str) -> bool {
    let is_number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix('v')
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(a, b)| is_number(a) && is_number(b))
}

/// For how long events can be kept: a week. A mailbox has room for 10 GB.
pub const LONGEST_KEEP_HOURS: u32 = 7 * 24;

fn read_config(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Config, Vec<Fault>> {
    let mut faults = Vec::new();
    let (whole, parts) = variables::joined(lookup, &mut faults);
    let read = checked::read("", &Value::Object(whole), |root| {
        let destinations = root.get("destinations");
        let numbers = root.get("numbers");
        let keep_hours = root.get("keep_hours");
        let keep_hours = keep_hours.and_then(|node| node.whole(&(0..=LONGEST_KEEP_HOURS), "hours"));
        let couriers = root.get("couriers").and_then(|node| node.flag());
        let sending = root.get("sending").map(|node| Sending::read(&node));
        let sending = sending.unwrap_or_default();
        let fallback = root.get("fallback").inspect(placeholder::refuse);
        let consent = root.get("consent");
        let (replies, answering) = (root.get("replies"), root.get("answering"));
        let windows = root.get("windows");
        Config {
            destinations: destinations
                .map(|node| read_destinations(&node, lookup))
                .unwrap_or_default(),
            numbers: numbers
                .map(|node| number::read_all(&node, &sending))
                .unwrap_or_default(),
            keep_hours: keep_hours.unwrap_or_default(),
            couriers: couriers.unwrap_or(true),
            sending,
            fallback: fallback.and_then(|node| Message::read_template(&node)),
            consent: consent.and_then(|node| Consent::read(&node)),
            answering: Answering::read(replies.as_ref(), answering.as_ref()),
            window_step_s: windows.and_then(|node| read_step(&node)).unwrap_or(3_600),
        }
    });
    match read {
        Ok(config) if faults.is_empty() => Ok(config),
        read => {
            let found = read.err().into_iter().flatten();
            faults.extend(found.map(|fault| variables::placed(fault, &parts)));
            Err(faults)
        }
    }
}

fn read_destinations(node: &Node<'_>, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<Destination> {
    let mut destinations: Vec<Destination> = Vec::new();
    let mut ids = Vec::new();
    for item in node.items(0..=usize::MAX, "destinations") {
        // Looked at apart from the rest, so that a fault elsewhere in it does not hide this one.
        if let Some(id) = item.value().get("id").and_then(Value::as_str) {
            if ids.contains(&id) {
                item.need("id")
                    .inspect(|id| id.fault("is taken by a destination above"));
            }
            ids.push(id);
        }
        destinations.extend(Destination::read(&item, lookup));
    }
    destinations
}

/// Reads `{"step_s": 3600}`.
fn read_step(node: &Node<'_>) -> Option<i64> {
    node.object()?;
    node.only(&["step_s"]);
    let step = node.get("step_s")?.whole(&(1..=86_400), "seconds")?;
    Some(step.into())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
