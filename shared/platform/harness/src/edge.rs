//! The edge: CloudFront with its web application firewall in front of the API, where a deployment has one.
//!
//! API Gateway sees CloudFront's address then, so that the client's comes in a header that CloudFront sets. Headers can be made up by
//! whoever calls the API directly, so that CloudFront also sends a secret; a request without it is refused when there is an edge.
//! Source: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/adding-cloudfront-headers.html>.

use std::net::IpAddr;

use carillon_kernel::secret::equal_in_constant_time;
use carillon_kernel::{Failure, Kind, Secret, Setup};

use crate::event::HttpEvent;

/// The header with the secret.
const KEY_HEADER: &str = "x-edge-key";
/// The header with the client's address and port.
const ADDRESS_HEADER: &str = "cloudfront-viewer-address";

/// What is known of the edge: the secrets that it may send, two while one takes the place of the other; none where there is no edge.
#[derive(Debug, Clone)]
pub(crate) struct Edge(Vec<Secret>);

impl Edge {
    /// Reads the setting `EDGE_KEY`, which may be absent or empty, or hold keys divided by commas.
    pub(crate) fn from_setup(setup: &Setup) -> Self {
        Self::of(&setup.find("EDGE_KEY").unwrap_or_default())
    }

    fn of(keys: &str) -> Self {
        Self(keys.split(',').map(str::trim).filter(|key| !key.is_empty()).map(Secret::new).collect())
    }

    /// Gives the client's address.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Forbidden`] when there is an edge and the request did not come through it.
    pub(crate) fn client_address(&self, event: &HttpEvent) -> Result<Option<IpAddr>, Failure> {
        if self.0.is_empty() {
            return Ok(event.request_context.http.source_ip.parse().ok());
        }
        let header =
            |wanted: &str| event.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str());
        let shown = header(KEY_HEADER).unwrap_or_default();
        if !self.0.iter().any(|key| equal_in_constant_time(shown.as_bytes(), key.expose().as_bytes())) {
            return Err(Failure::new(Kind::Forbidden, "request.past_the_edge", "call the API by its public name"));
        }
        Ok(header(ADDRESS_HEADER).and_then(without_port))
    }
}

/// Reads `198.51.100.10:46532`, and `2001:db8::1:46532` with or without brackets.
fn without_port(text: &str) -> Option<IpAddr> {
    let (address, _port) = text.trim().rsplit_once(':')?;
    address.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn event(headers: &[(&str, &str)]) -> HttpEvent {
        let mut event = HttpEvent::default();
        event.request_context.http.source_ip = "192.0.2.1".to_owned();
        event.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        event
    }

    #[test]
    fn without_an_edge_the_address_is_the_one_that_the_api_saw() {
        let made_up = event(&[("x-edge-key", "key"), ("cloudfront-viewer-address", "203.0.113.9:1")]);

        for none in ["", ",", " "] {
            assert_eq!(Edge::of(none).client_address(&made_up).unwrap(), "192.0.2.1".parse().ok());
        }
    }

    #[test]
    fn with_an_edge_the_address_is_the_one_that_it_saw() {
        let edge = Edge::of("key");
        for (text, address) in
            [("203.0.113.9:46532", "203.0.113.9"), ("2001:db8::1:46532", "2001:db8::1"), ("[2001:db8::1]:46532", "2001:db8::1")]
        {
            let through = event(&[("x-edge-key", "key"), ("CloudFront-Viewer-Address", text)]);
            assert_eq!(edge.client_address(&through).unwrap(), address.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_goes_past_the_edge_is_refused() {
        for keys in ["key", "next,key"] {
            let edge = Edge::of(keys);
            for headers in [&[][..], &[("x-edge-key", "")], &[("x-edge-key", "other")], &[("cloudfront-viewer-address", "203.0.113.9:1")]] {
                assert_eq!(edge.client_address(&event(headers)).unwrap_err().code, "request.past_the_edge", "{headers:?}");
            }
        }
    }

    #[test]
    fn while_one_key_takes_the_place_of_the_other_both_are_the_edges() {
        let edge = Edge::of("next, key");

        for (key, is_through) in [("key", true), ("next", true), ("next, key", false), ("ke", false)] {
            let event = event(&[("x-edge-key", key), ("cloudfront-viewer-address", "203.0.113.9:1")]);
            assert_eq!(edge.client_address(&event).is_ok(), is_through, "{key}");
        }
    }
}
