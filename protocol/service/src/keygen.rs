//! A certificate authority of one's own, and a folder of credentials for each party.
//!
//! ```text
//! keys/ca/        ca.crt, ca.key: the authority; issued: what it has signed
//! keys/server/    tls.crt, tls.key, ca.crt; clients.toml; ca.crl once a client is revoked
//! keys/alice/     tls.crt, tls.key, ca.crt: a client with a certificate
//! keys/bob/       token, ca.crt: a client with a token
//! ```

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber,
};
use ring::rand::{SecureRandom, SystemRandom};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::{Error, Fingerprint, Token, files, hex};

/// How long an authority and its lists are valid.
const AUTHORITY_DAYS: i64 = 3650;

/// Clocks may differ by so much.
const SKEW: Duration = Duration::hours(1);

/// An authority, with the folders beside its own.
pub struct Authority {
    root: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    /// Opens the authority under `root`, or makes one.
    ///
    /// # Errors
    /// If its files cannot be read or written.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let folder = root.join("ca");
        let (key_file, certificate_file) = (folder.join("ca.key"), folder.join("ca.crt"));
        let (key, certificate) = match files::read_text_if_any(&key_file)? {
            Some(text) => {
                let text = Zeroizing::new(text);
                let key = KeyPair::from_pem(&text).map_err(failed(&key_file))?;
                (key, files::read_text(&certificate_file)?)
            }
            None => {
                files::private_folder(&folder)?;
                let key = KeyPair::generate().map_err(failed(&key_file))?;
                let certificate = authority().self_signed(&key).map_err(failed(&key_file))?.pem();
                let pem = Zeroizing::new(key.serialize_pem());
                files::write_new(&certificate_file, certificate.as_bytes())?;
                files::write_new(&key_file, pem.as_bytes())?;
                (key, certificate)
            }
        };
        Ok(Self { root: root.into(), issuer: Issuer::new(authority(), key), certificate })
    }

    /// Makes the server's folder, with a certificate for these hosts' names and addresses.
    ///
    /// # Errors
    /// If there is one already, or a name is none.
    pub fn server(&self, hosts: &[String], days: u32) -> Result<PathBuf, Error> {
        let folder = self.folder("server")?;
        let params = CertificateParams::new(hosts).map_err(failed(&folder))?;
        self.sign("server", params, ExtendedKeyUsagePurpose::ServerAuth, days)?;
        let list = "# Who may connect; docs/service.md has the format.\n";
        self.append_to_list(list)?;
        Ok(folder)
    }

    /// Makes the folder of a client with a certificate, and adds it to the server's list.
    ///
    /// # Errors
    /// If there is one already.
    pub fn client(&self, name: &str, days: u32) -> Result<PathBuf, Error> {
        let folder = self.folder(name)?;
        let params = CertificateParams::default();
        let fingerprint = self.sign(name, params, ExtendedKeyUsagePurpose::ClientAuth, days)?;
        self.append_to_list(&entry(name, "certificate", fingerprint))?;
        Ok(folder)
    }

    /// Makes the folder of a client with a token, and adds it to the server's list.
    ///
    /// # Errors
    /// If there is one already.
    pub fn token(&self, name: &str) -> Result<PathBuf, Error> {
        let folder = self.folder(name)?;
        let token = Token::generate()?;
        files::private_folder(&folder)?;
        files::write_new(&folder.join("token"), token.to_text().as_bytes())?;
        files::write_new(&folder.join("ca.crt"), self.certificate.as_bytes())?;
        self.append_to_list(&entry(name, "token", token.key()))?;
        Ok(folder)
    }

    /// Revokes all certificates of a client; the server's list of revoked ones is made anew.
    ///
    /// # Errors
    /// If no certificate was signed for it.
    pub fn revoke(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.root.join("ca/issued");
        let text = files::read_text_if_any(&path)?.unwrap_or_default();
        let revoked = text.replace(&format!("valid {name} "), &format!("revoked {name} "));
        if !revoked.contains(&format!("revoked {name} ")) {
            let problem = format!(
                "names no certificate of {name}; a token is revoked by taking it out of clients.toml"
            );
            return Err(Error::content(&path, problem));
        }
        files::replace(&path, revoked.as_bytes())?;
        let list = self.root.join("server/ca.crl");
        let pem = self.revoked(&revoked).and_then(|list| list.pem()).map_err(failed(&list))?;
        files::replace(&list, pem.as_bytes())?;
        Ok(list)
    }

    /// The folder of a party that has none yet.
    fn folder(&self, name: &str) -> Result<PathBuf, Error> {
        let folder = self.root.join(name);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
        if name.is_empty() || name == "ca" || name.starts_with('.') || !name.chars().all(plain) {
            let problem = "a name has letters, digits and -_.@ alone, and is not `ca`";
            return Err(Error::content(&folder, problem));
        }
        match folder.exists() {
            true => Err(Error::content(&folder, "exists already; move it away for a new one")),
            false => Ok(folder),
        }
    }

    /// Signs a certificate for a new key and writes the party's folder.
    fn sign(
        &self,
        name: &str,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
        days: u32,
    ) -> Result<Fingerprint, Error> {
        let folder = self.root.join(name);
        let key = KeyPair::generate().map_err(failed(&folder))?;
        let serial = serial()?;
        (params.not_before, params.not_after) = valid_for(days.into());
        params.distinguished_name = named(name);
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed(&folder))?;
        self.record(name, &serial)?;
        files::private_folder(&folder)?;
        files::write_new(&folder.join("tls.crt"), certificate.pem().as_bytes())?;
        let pem = Zeroizing::new(key.serialize_pem());
        files::write_new(&folder.join("tls.key"), pem.as_bytes())?;
        files::write_new(&folder.join("ca.crt"), self.certificate.as_bytes())?;
        Ok(Fingerprint::of(certificate.der()))
    }

    /// Notes down what is signed, before anyone has it.
    fn record(&self, name: &str, serial: &[u8]) -> Result<(), Error> {
        let line = format!("valid {name} {}\n", *hex::text(serial));
        append(&self.root.join("ca/issued"), &line)
    }

    /// Adds to the server's list of clients.
    fn append_to_list(&self, text: &str) -> Result<(), Error> {
        files::private_folder(&self.root.join("server"))?;
        append(&self.root.join("server/clients.toml"), text)
    }

    fn revoked(&self, issued: &str) -> Result<rcgen::CertificateRevocationList, rcgen::Error> {
        let (this_update, next_update) = valid_for(AUTHORITY_DAYS);
        let serials = issued.lines().filter_map(|line| {
            let (_, digits) = line.strip_prefix("revoked ")?.split_once(' ')?;
            hex::read::<SERIAL>(digits)
        });
        let revoked_certs = serials.map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&serial),
            revocation_time: this_update,
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update,
            next_update,
            crl_number: SerialNumber::from(this_update.unix_timestamp().unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer)
    }
}

/// What every authority of this program is like; its key alone tells it from others.
fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = valid_for(AUTHORITY_DAYS);
    params.distinguished_name = named("Gazelle private authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// From now on; other clocks may be behind.
fn valid_for(days: i64) -> (OffsetDateTime, OffsetDateTime) {
    let now = OffsetDateTime::now_utc();
    (now - SKEW, now + Duration::days(days))
}

/// Bytes of a serial number.
const SERIAL: usize = 16;

/// A number that no other certificate has.
fn serial() -> Result<[u8; SERIAL], Error> {
    let mut serial = [0; SERIAL];
    let none = |_| Error::Tls("the operating system gives no randomness".into());
    SystemRandom::new().fill(&mut serial).map_err(none)?;
    // Positive, and as long in every encoding.
    serial[0] = serial[0] & 0x3f | 0x40;
    Ok(serial)
}

fn entry(name: &str, what: &str, value: impl std::fmt::Display) -> String {
    format!("\n[[client]]\nname = \"{name}\"\n{what} = \"{value}\"\n")
}

fn append(path: &Path, text: &str) -> Result<(), Error> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    let write = |mut file: std::fs::File| file.write_all(text.as_bytes());
    file.and_then(write).map_err(Error::file(path))
}

fn failed(path: &Path) -> impl Fn(rcgen::Error) -> Error {
    |error| Error::content(path, error)
}
