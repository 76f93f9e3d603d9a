//! TLS by rustls on our streams: an authority of one's own, both sides, and why a handshake failed.
//!
//! *Promises*: a handshake ends within [`LIMIT`]; what ends it is said in words that name the cause.

use crate::{AnyError, page};
use futures_rustls::client::TlsStream;
use futures_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use futures_rustls::rustls::{
    self, CertificateError, ClientConfig, InvalidMessage, RootCertStore, ServerConfig,
};
use futures_rustls::{TlsAcceptor, TlsConnector};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use singletrack::aio::{TcpStream, wait_for};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a handshake may take.
pub const LIMIT: Duration = Duration::from_secs(5);

/// Whose signature this process trusts: a certificate that signs others, made at the start.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Result<Authority, AnyError> {
        let mut params = CertificateParams::new([])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Authority(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// For `curl --cacert`.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server that shows a certificate for these names, which was good until the end of a year.
    pub fn acceptor(&self, names: &[&str], until: i32) -> Result<TlsAcceptor, AnyError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 12, 31);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &*self.0)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// A client that trusts this authority and no other.
    pub fn connector(&self) -> Result<TlsConnector, AnyError> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone())?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// Shakes hands with a client and shows it a page.
pub async fn connection(stream: TcpStream, acceptor: TlsAcceptor) -> Result<(), AnyError> {
    let accepted = wait_for(acceptor.accept(stream), Some(LIMIT)).await;
    let mut stream =
        accepted.map_err(|_| "no handshake within the limit")?.map_err(|e| cause(&e))?;
    let asked = page::head(&mut stream).await?;
    let version = stream.get_ref().1.protocol_version();
    let body = format!("<!doctype html><title>TLS</title><p>{version:?}, and {:?}", asked.first);
    page::answer(&mut stream, "200 OK", &body).await
}

/// Connects to a server that must be able to prove that this is its name.
pub async fn connect(
    connector: &TlsConnector,
    name: &str,
    address: SocketAddr,
) -> Result<TlsStream<TcpStream>, AnyError> {
    let name = ServerName::try_from(name.to_owned())?;
    let stream = TcpStream::connect(address).await?;
    let connected = wait_for(connector.connect(name, stream), Some(LIMIT)).await;
    Ok(connected.map_err(|_| "no handshake within the limit")?.map_err(|e| cause(&e))?)
}

/// What a failed handshake means. rustls names most causes itself.
pub fn cause(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "the peer speaks something that is not TLS (http:// instead of https://?)".to_owned()
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "the certificate: signed by nobody whom this client trusts".to_owned()
        }
        Some(rustls::Error::InvalidCertificate(why)) => format!("the certificate: {why}"),
        Some(rustls::Error::AlertReceived(alert)) => format!("the peer refused: {alert:?}"),
        Some(other) => other.to_string(),
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                "the peer hung up in the middle of the handshake".to_owned()
            }
            _ => error.to_string(),
        },
    }
}
