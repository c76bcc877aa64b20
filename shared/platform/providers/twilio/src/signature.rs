//! `X-Twilio-Signature`: whether a webhook comes from Twilio.
//!
//! Base 64 of HMAC-SHA1, keyed with the account's auth token, over the full URL and the form's parameters in the order of their names,
//! each name followed by its value, nothing between; several values of one name each once, in their order
//! (<https://www.twilio.com/docs/usage/security>). Twilio is not consistent about the port and the escapes of the URL that it signs, so
//! its own libraries try several forms, and so does [`verify`].

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carillon_kernel::Secret;
use percent_encoding::percent_decode_str;

/// Gives the signature of a form that is posted to a URL.
#[must_use]
pub fn signature(auth_token: &Secret, url: &str, parameters: &[(String, String)]) -> String {
    STANDARD.encode(hmac::sign(&key(auth_token), &signed_text(url, parameters)))
}

/// Tells, in constant time for each form of the URL, whether `given` is the signature of the form.
///
/// `url` is the public one, as Twilio was told it, with the query as it came.
#[must_use]
pub fn verify(auth_token: &Secret, url: &str, parameters: &[(String, String)], given: &str) -> bool {
    let Ok(tag) = STANDARD.decode(given) else { return false };
    let key = key(auth_token);
    forms_of(url).iter().any(|form| hmac::verify(&key, &signed_text(form, parameters), &tag).is_ok())
}

fn key(auth_token: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.expose().as_bytes())
}

fn signed_text(url: &str, parameters: &[(String, String)]) -> Vec<u8> {
    let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut text = url.as_bytes().to_vec();
    for (name, value) in sorted {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(value.as_bytes());
    }
    text
}

/// The URL as it is, without its port, with its port or the standard one; and each with its query unescaped.
fn forms_of(url: &str) -> Vec<String> {
    let mut forms = vec![url.to_owned()];
    forms.extend(without_port(url));
    forms.extend(with_standard_port(url));
    let unescaped: Vec<String> = forms.iter().filter_map(|form| with_unescaped_query(form)).collect();
    forms.extend(unescaped);
    forms.dedup();
    forms
}

/// Splits a URL into its scheme, its host, its port and the rest.
fn parts(url: &str) -> Option<(&str, &str, Option<&str>, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Some(match authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())) {
        Some((host, port)) => (scheme, host, Some(port), path),
        None => (scheme, authority, None, path),
    })
}

fn without_port(url: &str) -> Option<String> {
    let (scheme, host, port, path) = parts(url)?;
    port.map(|_| format!("{scheme}://{host}{path}"))
}

fn with_standard_port(url: &str) -> Option<String> {
    let (scheme, host, port, path) = parts(url)?;
    let standard = if scheme == "https" { 443 } else { 80 };
    port.is_none().then(|| format!("{scheme}://{host}:{standard}{path}"))
}

fn with_unescaped_query(url: &str) -> Option<String> {
    let (address, query) = url.split_once('?')?;
    let plain = query.replace('+', " ");
    let plain = percent_decode_str(&plain).decode_utf8().ok()?;
    (plain != query).then(|| format!("{address}?{plain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn token() -> Secret {
        Secret::new("12345")
    }

    /// The example of Twilio's documentation "Security", with its URL, its form, its token `12345` and its signature.
    fn example() -> (&'static str, Vec<(String, String)>, &'static str) {
        let form = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675310"),
            ("Digits", "1234"),
            ("From", "+14158675310"),
            ("To", "+18005551212"),
        ];
        ("https://mycompany.com/myapp.php?foo=1&bar=2", parameters(&form), "GvWf1cFY/Q7PnoempGyD5oXAezc=")
    }

    #[test]
    fn the_documented_example_has_its_signature_in_any_order() {
        let (url, mut form, expected) = example();
        form.reverse();

        assert_eq!(signature(&token(), url, &form), expected);
        assert!(verify(&token(), url, &form, expected));
    }

    #[test]
    fn another_token_url_form_or_signature_is_refused() {
        let (url, form, expected) = example();

        assert!(!verify(&Secret::new("12346"), url, &form, expected));
        assert!(!verify(&token(), "https://mycompany.com/myapp.php?foo=1&bar=3", &form, expected));
        assert!(!verify(&token(), url, &parameters(&[("Digits", "1234")]), expected));
        assert!(!verify(&token(), url, &form, "GvWf1cFY/Q7PnoempGyD5oXAezd="));
        assert!(!verify(&token(), url, &form, ""));
    }

    #[test]
    fn the_port_may_be_signed_or_not() {
        let form = parameters(&[("Body", "Hello")]);
        let signed = |url| signature(&token(), url, &form);

        assert!(verify(&token(), "https://example.com/hook", &form, &signed("https://example.com:443/hook")));
        assert!(verify(&token(), "http://example.com/hook", &form, &signed("http://example.com:80/hook")));
        assert!(verify(&token(), "https://example.com:8443/hook", &form, &signed("https://example.com/hook")));
        assert!(verify(&token(), "https://example.com:8443/hook", &form, &signed("https://example.com:8443/hook")));
        assert!(!verify(&token(), "https://example.com/hook", &form, &signed("https://example.com:8443/hook")));
    }

    #[test]
    fn the_query_may_be_signed_unescaped() {
        let signed = signature(&token(), "https://example.com:443/hook?name=A B&sign=+", &[]);

        assert!(verify(&token(), "https://example.com/hook?name=A%20B&sign=%2B", &[], &signed));
    }

    #[test]
    fn several_values_of_one_name_are_signed_once_each_in_their_order() {
        let several = parameters(&[("MessageSid", "2"), ("MessageSid", "1"), ("MessageSid", "2")]);
        let plain = signature(&token(), "https://example.com/hookMessageSid1MessageSid2", &[]);

        assert_eq!(signature(&token(), "https://example.com/hook", &several), plain);
    }
}
