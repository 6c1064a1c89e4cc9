//! Who may connect.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use gazelle_protocol::wire::Proof;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use crate::{Error, TokenKey, files, hex};

/// The SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a certificate's DER encoding.
    pub(crate) fn of(certificate: &[u8]) -> Self {
        let digest = digest(&SHA256, certificate);
        Self(digest.as_ref().try_into().expect("a digest has 32 bytes"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::read(text).map(Self).ok_or("a fingerprint has 64 hexadecimal digits")
    }
}

/// What a connection has shown about its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A certificate that the server's authority has signed.
    Certificate(Fingerprint),
    /// A token.
    Token(TokenKey),
    /// Nothing.
    Stranger,
}

/// A client that the server knows.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Client {
    /// What the log calls it.
    pub name: String,
    /// The fingerprint of its certificate.
    #[serde(default, deserialize_with = "parsed")]
    pub certificate: Option<Fingerprint>,
    /// The key of its token.
    #[serde(default, deserialize_with = "parsed")]
    pub token: Option<TokenKey>,
    /// The models that it may ask, by their names; all of them without a list.
    pub models: Option<Vec<String>>,
    /// Sessions at a time.
    pub sessions: Option<usize>,
    /// Inferences on a day of UTC.
    pub inferences_per_day: Option<u32>,
    /// Inferences in all.
    pub inferences: Option<u32>,
    /// Bytes of phases on a day of UTC, both ways together.
    pub bytes_per_day: Option<u64>,
    /// Prepared inferences that wait.
    pub bundles: Option<usize>,
}

fn parsed<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err = &'static str>,
    D: serde::Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

/// Whom a server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Everyone who connects.
    Anyone,
    /// Whoever has a certificate of the server's authority.
    Certified,
    /// Those in a list.
    Listed(Vec<Client>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default, rename = "client")]
    clients: Vec<Client>,
}

impl Clients {
    /// Reads a list: a file of tables `[[client]]`.
    ///
    /// # Errors
    /// If it is not well formed, or two clients have the same name, certificate or token.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let list = parse(&files::read_text(path)?);
        list.map(Self::Listed).map_err(|problem| Error::content(path, problem))
    }

    /// Who is served over a connection.
    ///
    /// # Errors
    /// Why nobody is, for the client.
    pub fn admit(
        &self,
        certificate: Option<Fingerprint>,
        proof: Option<&Proof>,
        binding: Option<&[u8; 32]>,
    ) -> Result<Client, &'static str> {
        let token = match (proof, binding) {
            (None, _) => None,
            (Some(_), None) => return Err("a token is good over TLS only"),
            (Some(proof), Some(binding)) => Some(TokenKey::of_proof(proof, binding).ok_or(
                "the token's signature does not belong to this connection; connect again",
            )?),
        };
        let shown = [certificate.map(Identity::Certificate), token.map(Identity::Token)];
        let mut shown = shown.into_iter().flatten();
        match self {
            Self::Anyone => {
                let identity = shown.next().unwrap_or(Identity::Stranger);
                Ok(Client::named(identity.to_string()))
            }
            Self::Certified => {
                let certificate = certificate.map(Identity::Certificate);
                let none = "this server asks for a certificate; ask its operator for one";
                certificate.map(|identity| Client::named(identity.to_string())).ok_or(none)
            }
            Self::Listed(clients) => {
                let known = |identity| clients.iter().find(|client| client.is(identity)).cloned();
                shown
                    .find_map(known)
                    .ok_or("this server does not know you; ask its operator for access")
            }
        }
    }

    /// Whether a connection without a certificate may show something else.
    pub(crate) fn need_certificates(&self) -> bool {
        match self {
            Self::Anyone => false,
            Self::Certified => true,
            Self::Listed(clients) => clients.iter().all(|client| client.token.is_none()),
        }
    }
}

impl Client {
    /// A client of whom nothing is known and nothing is said.
    pub fn unnamed() -> Self {
        Self::named(Identity::Stranger.to_string())
    }

    /// A client without limits of its own.
    fn named(name: String) -> Self {
        let (certificate, token, models) = (None, None, None);
        let (sessions, inferences_per_day, inferences) = (None, None, None);
        let (bytes_per_day, bundles) = (None, None);
        Self {
            name,
            certificate,
            token,
            models,
            sessions,
            inferences_per_day,
            inferences,
            bytes_per_day,
            bundles,
        }
    }

    fn is(&self, identity: Identity) -> bool {
        match identity {
            Identity::Certificate(fingerprint) => self.certificate == Some(fingerprint),
            Identity::Token(key) => self.token == Some(key),
            Identity::Stranger => false,
        }
    }
}

/// For the log.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |bytes: &[u8; 32], f: &mut fmt::Formatter<'_>| hex::write(&bytes[..8], f);
        match self {
            Self::Certificate(Fingerprint(bytes)) => short(bytes, f),
            Self::Token(key) => f.write_str(&key.to_string()[..16]),
            Self::Stranger => f.write_str("anyone"),
        }
    }
}

fn parse(text: &str) -> Result<Vec<Client>, String> {
    let List { clients } = files::parse_toml(text)?;
    for (i, client) in clients.iter().enumerate() {
        let Client { name, certificate, token, .. } = client;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@".contains(c))
        {
            return Err(format!("client {name:?}: a name has letters, digits and -_.@ alone"));
        }
        if certificate.is_none() && token.is_none() {
            return Err(format!("client {name}: give its `certificate` or its `token`"));
        }
        for other in &clients[..i] {
            if other.name == *name {
                return Err(format!("there are two clients of the name {name}"));
            }
            let same_certificate = certificate.is_some() && *certificate == other.certificate;
            if same_certificate || token.is_some() && *token == other.token {
                return Err(format!("{name} and {} show the same; give each its own", other.name));
            }
        }
    }
    Ok(clients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Token;

    const HEX: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn lists_are_read_or_refused() {
        let list = format!("[[client]]\nname = \"a\"\ncertificate = \"{HEX}\"\n");
        let clients = parse(&list).unwrap();
        assert_eq!(clients[0].certificate.unwrap().to_string(), HEX);
        assert_eq!(parse("# nobody yet").unwrap(), []);
        let again = |from: &str, to: &str| format!("{list}{}", list.replace(from, to));
        let bad = [
            (again("x", "x"), "two clients of the name"),
            (again("\"a\"", "\"b\""), "show the same"),
            (list.replace(HEX, "0011"), "64 hexadecimal digits"),
            (list.replace("certificate", "certifikate"), "unknown field"),
            ("[[client]]\nname = \"a\"".into(), "`certificate` or its `token`"),
            (list.replace("\"a\"", "\"a\\nb\""), "a name has letters"),
        ];
        for (text, words) in bad {
            let problem = parse(&text).unwrap_err();
            assert!(problem.contains(words), "{problem}");
        }
    }

    #[test]
    fn who_is_admitted() {
        let token = Token::generate().unwrap();
        let certificate: Fingerprint = HEX.parse().unwrap();
        let list = format!(
            "[[client]]\nname = \"a\"\ncertificate = \"{HEX}\"\n[[client]]\nname = \"b\"\ntoken = \"{}\"",
            token.key()
        );
        let listed = Clients::Listed(parse(&list).unwrap());
        let binding = Some(&[1; 32]);
        let proof = token.prove(&[1; 32]);
        let name = |clients: &Clients, certificate, proof, binding| {
            clients.admit(certificate, proof, binding).map(|client| client.name)
        };
        assert_eq!(name(&listed, Some(certificate), None, None).unwrap(), "a");
        assert_eq!(name(&listed, None, Some(&proof), binding).unwrap(), "b");
        // Either of the two is enough.
        let unknown = Some(Fingerprint([3; 32]));
        assert_eq!(name(&listed, unknown, Some(&proof), binding).unwrap(), "b");
        assert!(name(&listed, unknown, None, binding).is_err());
        assert!(name(&listed, None, None, binding).is_err());
        // Another connection, or one without TLS.
        assert!(name(&listed, None, Some(&proof), Some(&[2; 32])).is_err());
        assert!(name(&listed, None, Some(&proof), None).is_err());
        let wrong = Token::generate().unwrap().prove(&[1; 32]);
        assert!(name(&listed, None, Some(&wrong), binding).is_err());
        assert!(name(&Clients::Certified, unknown, None, None).is_ok());
        assert!(name(&Clients::Certified, None, Some(&proof), binding).is_err());
        assert_eq!(name(&Clients::Anyone, None, None, None).unwrap(), "anyone");
        assert!(!listed.need_certificates() && Clients::Certified.need_certificates());
    }
}
