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

fn main() -> io::Result<ExitCode> {
    let mut given = String::new();
    io::stdin().read_to_string(&mut given)?;
    let faults = faults(&serde_json::from_str(&given)?);
    for fault in &faults {
        eprintln!("{fault}");
    }
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn faults(variables: &Value) -> Vec<String> {
    let settings = Settings::read(|name| match variables.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(table) => Some(table.to_string()),
        None if name.starts_with("CONFIG") || name.starts_with("GRAPH_") => None,
        None => Some(SECRET.to_owned()),
    });
    let faults = settings.err().unwrap_or_default();
    faults.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
    fn what_is_wrong_is_said_before_it_is_deployed() {
        assert_eq!(
            with(&json!({ "txt": "hi" })),
            ["CONFIG_2.replies[0].when.txt: is not known here, did you mean text?"]
        );
    }
}
