//! The one configuration of all AWS SDK clients: credentials and region from the settings, one HTTP client, lean defaults.
//!
//! No `aws-config`: it costs milliseconds at start, and a function finds all that it needs in its environment
//! (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>).

use std::error::Error;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use carillon_kernel::{Setup, SetupError};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

mod connector;
mod pool;

pub use pool::Pool;

/// Who signs the certificates of AWS's endpoints.
///
/// Reading these five at a start takes a hundredth of the time that the hundred and forty of an operating system take.
/// Source: <https://www.amazontrust.com/repository/>; the files are those of Mozilla's collection.
const ROOTS: [&[u8]; 5] = [
    include_bytes!("../roots/Amazon_Root_CA_1.der"),
    include_bytes!("../roots/Amazon_Root_CA_2.der"),
    include_bytes!("../roots/Amazon_Root_CA_3.der"),
    include_bytes!("../roots/Amazon_Root_CA_4.der"),
    include_bytes!("../roots/Starfield_Services_Root_Certificate_Authority_G2.der"),
];
/// The setting that names a file of other roots, as every SDK knows it.
const BUNDLE: &str = "AWS_CA_BUNDLE";

/// Gives the configuration for one service; `service` is the suffix of its endpoint setting, for example `DYNAMODB`.
///
/// # Errors
/// [`SetupError`] when the region or the credentials are missing, or when `AWS_CA_BUNDLE` names no file of certificates.
pub fn config(setup: &Setup, service: &str) -> Result<SdkConfig, SetupError> {
    let credentials = Credentials::new(
        setup.text("AWS_ACCESS_KEY_ID")?,
        setup.text("AWS_SECRET_ACCESS_KEY")?,
        setup.find("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let pool = pool(setup)?;
    let http = setup.shared("http", || pool.client());
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(setup.text("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(25)).build())
        .http_client(http);
    builder.set_endpoint_url(endpoint(setup, service));
    Ok(builder.build())
}

/// Gives the process's connections to AWS.
///
/// # Errors
/// [`SetupError`] when `AWS_CA_BUNDLE` names no file of certificates.
pub fn pool(setup: &Setup) -> Result<Pool, SetupError> {
    setup.try_shared("connections", || Pool::secure(trusted(setup)?).map_err(wrong_bundle))
}

/// Tells what went wrong with a call, cause by cause, for the log.
///
/// Not as the SDKs' own context does: that shows the whole answer, which may hold what is stored.
#[must_use]
pub fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Gives the endpoint of a service that stands elsewhere than AWS's own, as the SDKs' common setting names it.
#[must_use]
pub fn endpoint(setup: &Setup, service: &str) -> Option<String> {
    setup.find(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| setup.find("AWS_ENDPOINT_URL"))
}

/// Whom the client trusts: those who sign for AWS, or those in the file that the SDKs' common setting names.
fn trusted(setup: &Setup) -> Result<RootCertStore, SetupError> {
    let mut trusted = RootCertStore::empty();
    match setup.find(BUNDLE) {
        None => ROOTS.iter().try_for_each(|root| trusted.add(CertificateDer::from_slice(root))).map_err(wrong_bundle)?,
        Some(file) => {
            let unreadable = SetupError::Unreadable { name: BUNDLE.to_owned(), wanted: "the path of a file of PEM certificates" };
            let file = std::fs::read(file).map_err(|_| unreadable.clone())?;
            for certificate in CertificateDer::pem_slice_iter(&file) {
                trusted.add(certificate.map_err(wrong_bundle)?).map_err(wrong_bundle)?;
            }
            if trusted.is_empty() {
                return Err(unreadable);
            }
        }
    }
    Ok(trusted)
}

/// Not of the roots that are built in: a test reads them.
fn wrong_bundle(error: impl Error) -> SetupError {
    SetupError::Wrong { name: BUNDLE.to_owned(), problems: vec![error.to_string()] }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::SdkError;
    use aws_smithy_types::body::SdkBody;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use carillon_kernel::{Clock, IdSource};

    use super::*;

    fn setup(settings: &[(&str, &str)]) -> Setup {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Setup::new(Clock::system(), IdSource::system()).with_settings(settings)
    }

    #[test]
    fn the_roots_of_aws_are_trusted_where_no_bundle_is_named() {
        assert_eq!(trusted(&setup(&[])).unwrap().len(), ROOTS.len());
    }

    #[test]
    fn a_bundle_that_is_missing_empty_or_broken_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let with = |bundle: &str| trusted(&setup(&[(BUNDLE, bundle)])).map(|trusted| trusted.len());
        let unreadable = Err(SetupError::Unreadable { name: BUNDLE.to_owned(), wanted: "the path of a file of PEM certificates" });
        assert_eq!(with("/nowhere"), unreadable);

        let path = file.path().to_str().unwrap();
        assert_eq!(with(path), unreadable);

        std::fs::write(file.path(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(with(path), Err(SetupError::Wrong { .. })));

        let pem = |root: &&[u8]| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(root));
        std::fs::write(file.path(), ROOTS.iter().map(pem).collect::<String>()).unwrap();
        assert_eq!(with(path), Ok(ROOTS.len()));
    }

    #[test]
    fn what_is_told_of_a_failure_holds_nothing_of_the_answer() {
        let answer = HttpResponse::try_from(http::Response::new(SdkBody::from("{\"email\":\"ada@example.com\"}"))).unwrap();
        let error: SdkError<std::io::Error, HttpResponse> = SdkError::response_error("the answer breaks off", answer);

        let told = told(&error);

        assert!(told.ends_with("the answer breaks off"), "{told}");
        assert!(format!("{error:?}").contains("ada@example.com"), "the error itself holds the answer");
        assert!(!told.contains("ada"), "{told}");
    }
}
