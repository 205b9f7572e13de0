//! TLS to PostgreSQL, as `sslmode` defines it.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Error;
use crate::url::TlsMode;

/// Returns the TLS connector for this mode, or `None` for `sslmode=disable`.
pub(super) fn connector(mode: &TlsMode) -> Result<Option<MakeRustlsConnect>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::Internal(cause.into()))?;
    let config = match mode {
        TlsMode::Disable => return Ok(None),
        TlsMode::Prefer | TlsMode::Require => dangerous(builder, LaxVerifier { provider, chain: None }),
        TlsMode::VerifyCa(root) => {
            let chain =
                WebPkiServerVerifier::builder_with_provider(roots(Some(root))?, Arc::clone(&provider))
                    .build()
                    .map_err(|cause| Error::Internal(cause.into()))?;
            dangerous(builder, LaxVerifier { provider, chain: Some(chain) })
        }
        TlsMode::VerifyFull(root) => {
            builder.with_root_certificates(roots(root.as_deref())?).with_no_client_auth()
        }
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn dangerous(
    builder: rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>,
    verifier: LaxVerifier,
) -> ClientConfig {
    builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
}

/// Reads the root certificates from this file, or from the system.
fn roots(file: Option<&Path>) -> Result<Arc<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let unusable = |cause: &dyn std::fmt::Display| {
                Error::Internal(format!("sslrootcert {}: {cause}", file.display()).into())
            };
            for certificate in CertificateDer::pem_file_iter(file).map_err(|cause| unusable(&cause))? {
                let certificate = certificate.map_err(|cause| unusable(&cause))?;
                roots.add(certificate).map_err(|cause| unusable(&cause))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(Error::internal("there is no root certificate to verify the database server with"));
    }
    Ok(Arc::new(roots))
}

/// Verifies less than HTTPS does, as libpq defines it. With `verify-ca` it verifies the chain and
/// not the name. With `require` and `prefer` it verifies neither. It always verifies the signatures
/// of the handshake.
///
/// Own code, because rustls has no verifier for these modes.
#[derive(Debug)]
struct LaxVerifier {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for LaxVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The chain is verified before the name, so here only the name is wrong.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
