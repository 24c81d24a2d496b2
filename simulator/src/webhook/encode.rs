//! JSON as Meta writes it: compact, everything beyond ASCII as `\uXXXX` in lower-case hex, `/` as `\/`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// The JSON of `value` as Meta writes it.
pub fn as_meta(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, Escaping);
    value
        .serialize(&mut serializer)
        .expect("plain JSON can be written");
    out
}

/// `json` with everything beyond ASCII as `\uXXXX` in lower-case hex, and with each `/` as `\/` where `slashes` says
/// so. This is the form over which Meta has signed where a body reaches us in UTF-8.
pub fn escape(json: &str, slashes: bool) -> String {
    let mut out = Vec::with_capacity(json.len());
    write_escaped(&mut out, json, slashes).expect("a Vec takes every write");
    String::from_utf8(out).expect("ASCII")
}

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_escaped(writer, fragment, true)
    }
}

fn write_escaped<W: ?Sized + Write>(writer: &mut W, text: &str, slashes: bool) -> io::Result<()> {
    let mut units = [0; 2];
    for character in text.chars() {
        match character {
            '/' if slashes => writer.write_all(b"\\/")?,
            ascii if ascii.is_ascii() => writer.write_all(&[ascii as u8])?,
            other => {
                for unit in other.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn meta_writes_ascii_only() {
        let value = json!({ "body": "¡Hola! 😀 a/b \"\n" });
        let written = as_meta(&value);
        assert_eq!(
            String::from_utf8(written.clone()).unwrap(),
            r#"{"body":"\u00a1Hola! \ud83d\ude00 a\/b \"\n"}"#
        );
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), value);
    }

    #[test]
    fn escaping_what_is_utf_8_gives_what_meta_would_have_written() {
        let value = json!({ "name": "José", "url": "https://fb.me/1" });
        let utf8 = serde_json::to_string(&value).unwrap();
        assert_eq!(escape(&utf8, true).into_bytes(), as_meta(&value));
        assert_eq!(
            escape(&utf8, false),
            r#"{"name":"Jos\u00e9","url":"https://fb.me/1"}"#
        );
    }
}
