//! Where pages come from.

use std::fmt;
use std::str::FromStr;

/// Where a page comes from, as browsers say it: `https://host` or `https://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Whether this is what a browser says.
    pub(super) fn is(&self, said: &[u8]) -> bool {
        self.0.as_bytes() == said
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        match host {
            Some(host) if !host.is_empty() && host.chars().all(plain) => {
                Ok(Self(text.to_ascii_lowercase()))
            }
            _ => Err("an origin is https://HOST or https://HOST:PORT, without a path"),
        }
    }
}
