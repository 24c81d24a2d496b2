//! Meta as a client: the handshake, signed webhooks, and repeating them until they are taken.

mod request;

use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;

pub use request::Request;

use crate::webhook::Webhook;

/// Meta, for one app and one callback URL.
#[derive(Debug, Clone)]
pub struct Meta {
    app_secret: String,
    callback_url: String,
    tries: usize,
    first_wait: Duration,
    client: reqwest::Client,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status; 0 where no answer came.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; what is not UTF-8 in it is replaced.
    pub body: String,
    /// From the first byte out to the last byte in.
    pub latency: Duration,
    /// When it was sent.
    pub at: Instant,
    /// Why no answer came.
    pub error: Option<String>,
}

/// How a webhook fared that was repeated until it was taken.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What each try got, in order; never empty.
    pub answers: Vec<Answer>,
}

impl Delivery {
    /// Whether the last try got 200.
    pub fn taken(&self) -> bool {
        self.last().status == 200
    }

    /// What the last try got.
    pub fn last(&self) -> &Answer {
        self.answers.last().expect("there is at least one try")
    }
}

/// How the handshake went.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// What came back.
    pub answer: Answer,
    /// What should have come back.
    pub challenge: String,
}

impl Handshake {
    /// Whether Meta would accept the endpoint: 200, and the challenge as it was, as plain text.
    pub fn held(&self) -> bool {
        let kind = self
            .answer
            .headers
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("");
        self.answer.status == 200
            && self.answer.body == self.challenge
            && kind.starts_with("text/plain")
    }
}

impl Meta {
    /// Meta, for the app with this secret, whose webhooks go to `callback_url`. Repeats up to 5 times, first after
    /// 100 ms, then after twice as long each time.
    pub fn new(app_secret: impl Into<String>, callback_url: impl Into<String>) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .user_agent("facebookexternalua")
            .build()
            .expect("a client without TLS can be built");
        Self {
            app_secret: app_secret.into(),
            callback_url: callback_url.into(),
            tries: 6,
            first_wait: Duration::from_millis(100),
            client,
        }
    }

    /// At most `tries` tries, the second after `first_wait`, each further one after twice as long as the one before.
    #[must_use]
    pub fn retrying(mut self, tries: usize, first_wait: Duration) -> Self {
        self.tries = tries.max(1);
        self.first_wait = first_wait;
        self
    }

    /// The same Meta with another callback URL.
    #[must_use]
    pub fn at(mut self, callback_url: impl Into<String>) -> Self {
        self.callback_url = callback_url.into();
        self
    }

    /// The same Meta with another app secret.
    #[must_use]
    pub fn with_secret(mut self, app_secret: impl Into<String>) -> Self {
        self.app_secret = app_secret.into();
        self
    }

    /// Sends the webhook once, rightly signed.
    pub async fn post(&self, webhook: &Webhook) -> Answer {
        self.request(webhook.body()).send().await
    }

    /// Sends the webhook until it gets 200 or the tries are used up.
    pub async fn deliver(&self, webhook: &Webhook) -> Delivery {
        let body = webhook.body();
        let mut answers = vec![self.request(body.clone()).send().await];
        let mut wait = self.first_wait;
        while answers.len() < self.tries
            && answers.last().is_some_and(|answer| answer.status != 200)
        {
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
            answers.push(self.request(body.clone()).send().await);
        }
        Delivery { answers }
    }

    /// The handshake that Meta makes when the callback URL is entered.
    pub async fn verify(&self, token: &str) -> Handshake {
        let challenge = rand::random::<u32>().to_string();
        let query = [
            ("hub.mode", "subscribe"),
            ("hub.verify_token", token),
            ("hub.challenge", challenge.as_str()),
        ];
        Handshake {
            answer: self.get(&query).await,
            challenge,
        }
    }

    /// A GET with any query.
    pub async fn get(&self, query: &[(&str, &str)]) -> Answer {
        let mut url = reqwest::Url::parse(&self.callback_url).expect("the callback URL is a URL");
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        request::ask(self.client.get(url)).await
    }

    /// A POST of this body, to be bent where a test wants it bent.
    pub fn request(&self, body: impl Into<Vec<u8>>) -> Request<'_> {
        Request::new(self, body.into())
    }
}

#[cfg(test)]
mod tests;
