//! Where we are willing to send: what a URL must be before a request goes to it.
//!
//! A name that resolves to a private address is not caught here; Cloudflare's network does not route to those.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use thiserror::Error;
use url::{Host, Url};

/// A URL that was checked. `Debug` and `Display` show its origin only, as a path or a query may hold a key.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckedUrl(Url);

/// Why a URL is refused. It never repeats the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UrlError {
    /// It cannot be read as an absolute URL.
    #[error(
        "must be a URL, such as https://crm.example/hooks; a host with other than ASCII letters is written xn--…"
    )]
    NotAUrl,
    /// Another scheme than `https`, or `http` to another machine.
    #[error("must be https, or http on loopback")]
    Scheme,
    /// It holds a user name or a password: those end up in logs.
    #[error("must not hold a user name or a password")]
    UserInfo,
    /// It holds a fragment, which is never sent.
    #[error("must not hold a fragment (#…)")]
    Fragment,
    /// `https` to an address that is not on the public Internet.
    #[error("must not be a private, loopback, link-local or metadata address")]
    NotPublic,
    /// `https` to a port that belongs to another protocol.
    #[error("the port must be 443 or above 1023")]
    Port,
}

impl CheckedUrl {
    /// Checks a URL: `https` to a public host on port 443 or above 1023, or `http` to this machine for development.
    /// Addresses are judged in their canonical form, so that `0x7f.1` is seen for what it is.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Self::parse_on(text, false)
    }

    /// Like [`Self::parse`], on any port if `any_port`.
    pub fn parse_on(text: &str, any_port: bool) -> Result<Self, UrlError> {
        let url = Url::parse(text).map_err(|_| UrlError::NotAUrl)?;
        let host = url.host().ok_or(UrlError::Scheme)?;
        match url.scheme() {
            "https" if !is_public(&host) => return Err(UrlError::NotPublic),
            "https" if !any_port && url.port().is_some_and(|port| port <= 1023) => {
                return Err(UrlError::Port);
            }
            "https" => {}
            "http" if is_loopback(&host) => {}
            _ => return Err(UrlError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        Ok(Self(url))
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for CheckedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for CheckedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckedUrl({self}/…)")
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => is_within(name, "localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

fn is_public(host: &Host<&str>) -> bool {
    match host {
        // RFC 6761 §6.3, RFC 6762 §3, and the name that ICANN reserves for private networks: under it cloud
        // providers have their metadata services.
        Host::Domain(name) => !["localhost", "local", "internal"]
            .iter()
            .any(|zone| is_within(name, zone)),
        Host::Ipv4(ip) => is_public_v4(*ip),
        Host::Ipv6(ip) => is_public_v6(*ip),
    }
}

fn is_within(name: &str, zone: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.strip_suffix(zone)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// All but what IANA's registry of special-purpose IPv4 addresses (RFC 6890) keeps from the public Internet.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 224)
}

/// Global unicast (`2000::/3`) is the only public space there is. Blocks that translate to IPv4, or are for
/// documentation, are taken out.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        [0x2001, 0x0000 | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn all(expected: Result<(), UrlError>, urls: &[&str]) {
        for url in urls {
            assert_eq!(CheckedUrl::parse(url).map(drop), expected, "{url}");
        }
    }

    #[test]
    fn public_https_is_taken() {
        all(
            Ok(()),
            &[
                "https://crm.example/hooks?key=1",
                "https://crm.example:443/",
                "https://crm.example:8443/",
                "https://93.184.215.14/",
                "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
                "https://[3fff:1000::1]/",
                "https://mylocalhost/",
                "https://notlocal.example/",
            ],
        );
    }

    #[test]
    fn http_is_for_this_machine_alone() {
        all(
            Ok(()),
            &[
                "http://localhost:3000/x",
                "http://crm.localhost",
                "http://127.0.0.1:80",
                "http://[::1]:8080",
            ],
        );
        all(
            Err(UrlError::Scheme),
            &[
                "http://crm.example/",
                "http://10.0.0.1/",
                "http://localhost.example/",
                "ftp://crm.example/",
                "file:///etc/passwd",
                "data:text/plain,x",
            ],
        );
    }

    #[test]
    fn addresses_that_are_not_public_are_refused_however_they_are_written() {
        all(
            Err(UrlError::NotPublic),
            &[
                "https://localhost/",
                "https://LOCALHOST./",
                "https://a.localhost/",
                "https://127.0.0.1/",
                "https://2130706433/",
                "https://0x7f000001/",
                "https://0177.1/",
                "https://127.0.0.1./",
                "https://127%2e0.0.1/",
                "https://10.1.2.3/",
                "https://172.16.0.1/",
                "https://192.168.1.1/",
                "https://169.254.169.254/latest/meta-data/",
                "https://100.100.100.200/",
                "https://0.0.0.0/",
                "https://255.255.255.255/",
                "https://[::1]/",
                "https://[::]/",
                "https://[::ffff:127.0.0.1]/",
                "https://[::ffff:a9fe:a9fe]/",
                "https://[64:ff9b::a9fe:a9fe]/",
                "https://[2002:7f00:1::]/",
                "https://[fe80::1]/",
                "https://[3fff:fff::1]/",
                "https://[fd00:ec2::254]/",
                "https://metadata.google.internal/",
                "https://printer.local/",
            ],
        );
    }

    #[test]
    fn the_rest_of_a_url_is_checked_too() {
        all(
            Err(UrlError::NotAUrl),
            &[
                "https://１２７.0.0.1/",
                "https://bücher.example/",
                "",
                "crm.example",
                "/hooks",
                "https://",
                "https://crm.example:99999/",
            ],
        );
        assert!(UrlError::NotAUrl.to_string().contains("xn--"));
        all(
            Err(UrlError::UserInfo),
            &["https://me@crm.example/", "https://me:pw@crm.example/"],
        );
        all(Err(UrlError::Fragment), &["https://crm.example/#top"]);
        all(
            Err(UrlError::Port),
            &["https://crm.example:22/", "https://crm.example:1023/"],
        );
    }

    #[test]
    fn what_follows_the_origin_is_not_shown() {
        let url = CheckedUrl::parse("https://crm.example:8443/hooks/k3y?token=t").unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "https://crm.example:8443 CheckedUrl(https://crm.example:8443/…)"
        );
    }
}
