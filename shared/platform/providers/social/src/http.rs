//! The HTTP client: one attempt, one address, bounded answers.

use std::time::Duration;

use carillon_kernel::{Setup, SetupError};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;

use crate::failure::SocialError;

const CONNECT_TIME_OUT: Duration = Duration::from_secs(3);
const TIME_OUT: Duration = Duration::from_secs(8);
/// Far above what any of the answers has.
const LARGEST_ANSWER_BYTES: usize = 256 * 1024;

/// Gives the process's client.
pub(crate) fn client(setup: &Setup) -> Result<Client, SetupError> {
    let make = || Client::builder().connect_timeout(CONNECT_TIME_OUT).timeout(TIME_OUT).redirect(Policy::none()).no_proxy();
    let client = setup.shared("social", || make().retry(reqwest::retry::never()).build().ok());
    client.ok_or(SetupError::Unreadable { name: "SSL_CERT_FILE".to_owned(), wanted: "a list of certificate authorities" })
}

/// Makes a call whose answer is JSON; `refused` is what an answer 4xx means.
pub(crate) async fn call<T: DeserializeOwned>(request: RequestBuilder, refused: &'static str) -> Result<T, SocialError> {
    let mut answer = request.send().await.map_err(|error| SocialError::Unavailable(why(&error)))?;
    let status = answer.status();
    // A throttle says nothing of the code.
    if status.is_client_error() && status.as_u16() != 429 {
        return Err(SocialError::Refused(refused));
    }
    if !status.is_success() {
        return Err(SocialError::Unavailable("an error of the server"));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| SocialError::Unavailable(why(&error)))? {
        if body.len() + chunk.len() > LARGEST_ANSWER_BYTES {
            return Err(SocialError::Unavailable("an answer that is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|_| SocialError::Unavailable("an unreadable answer"))
}

/// Says why without the address, which may hold a token.
fn why(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() { "a time-out" } else { "a broken connection" }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use carillon_kernel::{Clock, IdSource};
    use serde_json::Value;
    use tokio::net::TcpListener;

    use super::*;

    fn client_of_tests() -> Client {
        client(&Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(BTreeMap::new())).unwrap()
    }

    #[tokio::test]
    async fn a_provider_that_does_not_answer_in_time_is_a_matter_of_later_and_its_address_is_not_told() {
        // It takes connections, and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/?access_token=token", silent.local_addr().unwrap());

        let outcome: Result<Value, _> = call(client_of_tests().get(&url).timeout(Duration::from_millis(20)), "refused").await;

        assert_eq!(outcome.unwrap_err(), SocialError::Unavailable("a time-out"));
    }

    #[tokio::test]
    async fn a_provider_that_is_not_there_is_a_matter_of_later() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", closed.local_addr().unwrap());
        drop(closed);

        let outcome: Result<Value, _> = call(client_of_tests().get(&url), "refused").await;

        assert_eq!(outcome.unwrap_err(), SocialError::Unavailable("a broken connection"));
    }
}
