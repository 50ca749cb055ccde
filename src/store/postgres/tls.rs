//! Why a TLS connection to the server was refused, in words that name the remedy.

use std::error::Error;

use rustls::CertificateError;

/// What is wrong, when TLS is: the certificate, the file of authorities, or a server without TLS. `None` for any other
/// error, a lost connection among them.
pub(super) fn refused(error: &sqlx::Error) -> Option<String> {
    if let Some(rustls::Error::InvalidCertificate(why)) = of_rustls(error) {
        return Some(certificate(why));
    }
    let sqlx::Error::Tls(source) = error else { return None };
    let text = source.to_string();
    if text.contains("does not support TLS") {
        return Some(
            "the PostgreSQL server offers no TLS: set ssl = on in postgresql.conf, or, on one machine, leave sslmode out \
             of the address"
                .to_owned(),
        );
    }
    Some(format!("TLS to PostgreSQL cannot be set up: {text}; check the file that sslrootcert names"))
}

/// What is wrong with the file that `sslrootcert` names in a database address, if it names one.
pub(super) fn unreadable_root(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let names = ["sslrootcert", "ssl-root-cert", "ssl-ca"];
    let (_, path) = url.query_pairs().find(|(name, _)| names.contains(&&**name))?;
    let error = std::fs::File::open(&*path).err()?;
    Some(format!("the file that sslrootcert names in the database address cannot be read: {path}: {error}"))
}

fn certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
            "the certificate of the PostgreSQL server is for another name ({why}): write the host in the database address \
             as the certificate names it"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of the PostgreSQL server has run out ({why}): renew it")
        }
        _ => format!(
            "the certificate of the PostgreSQL server is not trusted ({why}): give the authority that signed it as \
             sslrootcert=FILE in the database address"
        ),
    }
}

/// The rustls error inside, however deep it is wrapped.
fn of_rustls(error: &sqlx::Error) -> Option<&rustls::Error> {
    let mut inner: Option<&(dyn Error + 'static)> = match error {
        sqlx::Error::Io(io) => io.get_ref().map(|e| e as &(dyn Error + 'static)),
        sqlx::Error::Tls(source) => Some(&**source),
        _ => None,
    };
    while let Some(here) = inner {
        if let Some(found) = here.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        inner = match here.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => here.source(),
        };
    }
    None
}
