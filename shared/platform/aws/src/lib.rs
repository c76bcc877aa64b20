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
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use carillon_kernel::{Setup, SetupError};

/// Who signs the certificates of AWS's endpoints.
///
/// Reading these five at a start takes a tenth of the time that the hundred and forty of an operating system take.
/// Source: <https://www.amazontrust.com/repository/>; the files are those of Mozilla's collection.
const ROOTS: [&[u8]; 5] = [
    include_bytes!("../roots/Amazon_Root_CA_1.pem"),
    include_bytes!("../roots/Amazon_Root_CA_2.pem"),
    include_bytes!("../roots/Amazon_Root_CA_3.pem"),
    include_bytes!("../roots/Amazon_Root_CA_4.pem"),
    include_bytes!("../roots/Starfield_Services_Root_Certificate_Authority_G2.pem"),
];
/// The start of a certificate in a file of them (RFC 7468).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

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
    let trusted = trusted(setup)?;
    let http: SharedHttpClient = setup.shared("http", || http_client(trusted));
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(setup.text("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).operation_attempt_timeout(Duration::from_secs(25)).build(),
        )
        .http_client(http);
    builder.set_endpoint_url(endpoint(setup, service));
    Ok(builder.build())
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
fn trusted(setup: &Setup) -> Result<TrustStore, SetupError> {
    let Some(file) = setup.find("AWS_CA_BUNDLE") else {
        return Ok(ROOTS.iter().fold(TrustStore::empty(), |trusted, root| trusted.with_pem_certificate(*root)));
    };
    let unreadable = SetupError::Unreadable { name: "AWS_CA_BUNDLE".to_owned(), wanted: "the path of a file of PEM certificates" };
    let bundle = std::fs::read(file).ok().filter(|bundle| bundle.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE));
    Ok(TrustStore::empty().with_pem_certificate(bundle.ok_or(unreadable)?))
}

fn http_client(trusted: TrustStore) -> SharedHttpClient {
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    match TlsContext::builder().with_trust_store(trusted).build() {
        Ok(context) => builder.tls_context(context).build_https(),
        // Never: a context of rustls has nothing that could fail. The system's roots serve as well.
        Err(_) => builder.build_https(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::SdkError;
    use aws_smithy_types::body::SdkBody;

    use super::*;

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
