//! A party's folder of credentials.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::{GAZELLE, WEB};
use crate::{Clients, Error, Token, files};

/// What a party's folder holds, by the names that Kubernetes and cert-manager give to it:
///
/// | file | what |
/// | --- | --- |
/// | `ca.crt` | the authorities whose certificates the party accepts of its peers |
/// | `tls.crt` | its certificate, and those between that and the authority |
/// | `tls.key` | the certificate's private key |
/// | `ca.crl` | certificates that the authorities have revoked |
/// | `token` | a client's token |
///
/// A client needs `ca.crt` and, to say who it is, the certificate with its key or the token. A server
/// needs the certificate with its key and, for clients with certificates, `ca.crt`.
pub struct Credentials {
    folder: PathBuf,
    authorities: Vec<CertificateDer<'static>>,
    certificate: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
    token: Option<Token>,
}

impl Credentials {
    /// Reads a folder.
    ///
    /// # Errors
    /// If a file that is there does not hold what it should.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        std::fs::read_dir(folder).map_err(Error::file(folder))?;
        let [authorities, chain] = ["ca.crt", "tls.crt"].map(|name| items(&folder.join(name)));
        let (chain, key) = (chain?, folder.join("tls.key"));
        let certificate = match files::read_text_if_any(&key)? {
            None if chain.is_empty() => None,
            None => return Err(Error::content(&key, "is missing beside tls.crt")),
            Some(_) if chain.is_empty() => {
                return Err(Error::content(&key, "has no tls.crt beside it"));
            }
            Some(text) => {
                let text = zeroize::Zeroizing::new(text);
                let key = PrivateKeyDer::from_pem_slice(text.as_bytes())
                    .map_err(|_| Error::content(&key, "holds no private key in PEM"))?;
                Some((chain, key))
            }
        };
        let token = folder.join("token");
        let token = if token.exists() { Some(Token::read(&token)?) } else { None };
        let revoked = items(&folder.join("ca.crl"))?;
        let folder = folder.into();
        Ok(Self { folder, authorities: authorities?, certificate, revoked, token })
    }

    /// A client's token.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    pub(super) fn client(&self) -> Result<ClientConfig, Error> {
        let roots = self.roots()?;
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .with_crls(self.revoked.iter().cloned())
            .allow_unknown_revocation_status()
            .only_check_end_entity_revocation()
            .build()
            .map_err(|error| self.problem("ca.crt", error))?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| self.problem("ca.crt", error))?
            .with_webpki_verifier(verifier);
        let mut config = match &self.certificate {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| self.problem("tls.crt", error))?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![GAZELLE.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// The configuration, and the server's own certificate.
    pub(super) fn server(
        &self,
        clients: &Clients,
    ) -> Result<(ServerConfig, CertificateDer<'static>), Error> {
        let missing = "is missing; `gazelle keygen` makes it";
        let (chain, key) =
            self.certificate.as_ref().ok_or_else(|| self.problem("tls.crt", missing))?;
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| self.problem("tls.crt", error))?;
        let builder = match self.authorities.is_empty() {
            true if clients.need_certificates() => return Err(self.problem("ca.crt", missing)),
            true => builder.with_no_client_auth(),
            false => {
                let mut verifier =
                    WebPkiClientVerifier::builder_with_provider(self.roots()?, provider())
                        .with_crls(self.revoked.iter().cloned())
                        .allow_unknown_revocation_status()
                        .only_check_end_entity_revocation();
                if !clients.need_certificates() {
                    verifier = verifier.allow_unauthenticated();
                }
                let verifier = verifier.build().map_err(|error| self.problem("ca.crt", error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(|error| self.problem("tls.crt", error))?;
        config.alpn_protocols = [GAZELLE, WEB].map(<[u8]>::to_vec).into();
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        // A chain begins with it, and is not empty.
        Ok((config, chain[0].clone()))
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, Error> {
        let mut roots = RootCertStore::empty();
        for authority in &self.authorities {
            roots.add(authority.clone()).map_err(|error| self.problem("ca.crt", error))?;
        }
        if roots.is_empty() {
            let problem = "is missing: it says whose servers to believe; ask the server's operator";
            return Err(self.problem("ca.crt", problem));
        }
        Ok(Arc::new(roots))
    }

    fn problem(&self, file: &str, problem: impl ToString) -> Error {
        Error::content(&self.folder.join(file), problem)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Everything of one kind in a PEM file; nothing if there is no such file.
fn items<T: PemObject>(path: &Path) -> Result<Vec<T>, Error> {
    let Some(text) = files::read_text_if_any(path)? else { return Ok(Vec::new()) };
    let items: Vec<T> = T::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| Error::content(path, format!("is not valid PEM: {error}")))?;
    if items.is_empty() {
        return Err(Error::content(path, "holds nothing of its kind in PEM"));
    }
    Ok(items)
}
