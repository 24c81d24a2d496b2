//! Says what is wrong with the variables of wrangler.toml before they are deployed: with wrong ones every webhook gets 503.
//! `scripts/variables` hands them over, as JSON. Secrets are not there: any name that a setting asks for counts as set.

use std::{
    io::{self, Read},
    process::ExitCode,
};

use serde_json::Value;
use transom::config::Settings;

/// Whatever a secret is for, it may be this.
const SECRET: &str = "whsec_QSBzZWNyZXQgdGhhdCBpcyBub25lLCBidXQgbG9uZw==";

/// What is no secret, beside `CONFIG` and so on.
const VARIABLES: [&str; 2] = ["GRAPH_BASE_URL", "GRAPH_VERSION"];

const HERE: &str = "is of this machine: Cloudflare cannot get there";

fn main() -> io::Result<ExitCode> {
    let mut given = String::new();
    io::stdin().read_to_string(&mut given)?;
    match read(&serde_json::from_str(&given)?) {
        Ok(settings) => {
            if let Some(note) = settings.note() {
                eprintln!("Note: {note}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            for fault in &faults {
                eprintln!("{fault}");
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn read(variables: &Value) -> Result<Settings, Vec<String>> {
    let settings = Settings::read(|name| match variables.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(table) => Some(table.to_string()),
        None if name.starts_with("CONFIG") || VARIABLES.contains(&name) => None,
        None => Some(SECRET.to_owned()),
    });
    let settings =
        settings.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    // `http` is taken for this machine alone.
    let here = |url: &str| url.starts_with("http:");
    let mut faults: Vec<String> = settings
        .config
        .destinations
        .iter()
        .filter(|destination| here(destination.url.as_str()))
        .map(|destination| format!("destination {}: its url {HERE}", destination.id))
        .collect();
    if here(settings.graph.base_url.as_str()) {
        faults.push(format!("GRAPH_BASE_URL {HERE}"));
    }
    if faults.is_empty() {
        Ok(settings)
    } else {
        Err(faults)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(variables: &Value) -> Vec<String> {
        read(variables).err().unwrap_or_default()
    }

    fn with(rule: &Value) -> Vec<String> {
        let destination = json!({
            "id": "crm", "url": "https://crm.example/hooks", "secret": "env:CRM_SECRET",
            "headers": { "X-Api-Key": "env:CRM_KEY" },
        });
        faults(&json!({
            "GRAPH_VERSION": "v25.0",
            "CONFIG": { "destinations": [destination] },
            "CONFIG_2": { "replies": [{ "when": rule, "reply": { "type": "text", "text": { "body": "Hi" } } }] },
        }))
    }

    #[test]
    fn settings_that_are_right_have_no_fault_whatever_secrets_they_name() {
        assert_eq!(with(&json!({ "text": "hi" })), Vec::<String>::new());
        assert_eq!(faults(&json!({})), Vec::<String>::new());
    }

    #[test]
    fn rules_are_deployed_without_a_word_about_the_token_which_is_a_secret() {
        let reply = json!({ "type": "text", "text": { "body": "Hi" } });
        let rule = json!({ "when": {}, "reply": reply });
        let settings = read(&json!({ "CONFIG": { "replies": [rule] } })).unwrap();
        assert_eq!(settings.note(), None);
    }

    #[test]
    fn what_is_wrong_is_said_before_it_is_deployed() {
        assert_eq!(
            with(&json!({ "txt": "hi" })),
            ["CONFIG_2.replies[0].when.txt: is not known here, did you mean text?"]
        );
    }

    #[test]
    fn what_works_on_this_machine_alone_is_not_deployed() {
        let url = "http://127.0.0.1:8788/events";
        let destination = json!({ "id": "crm", "url": url, "secret": "env:CRM_SECRET" });
        assert_eq!(
            faults(&json!({
                "GRAPH_BASE_URL": "http://127.0.0.1:8789",
                "CONFIG": { "destinations": [destination] },
            })),
            [
                "destination crm: its url is of this machine: Cloudflare cannot get there",
                "GRAPH_BASE_URL is of this machine: Cloudflare cannot get there",
            ]
        );
    }
}
