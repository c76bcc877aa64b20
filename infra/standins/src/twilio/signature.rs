//! `X-Twilio-Signature`.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};

/// Signs a form post as Twilio does: base64 of HMAC-SHA1, with the auth token as the key, over the whole URL and the
/// parameters in the order of their names, each name followed by its value (Twilio docs, "Webhooks security").
pub fn sign(auth_token: &str, url: &str, parameters: &[(&str, &str)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(url.as_bytes());
    for (name, value) in sorted {
        context.update(name.as_bytes());
        context.update(value.as_bytes());
    }
    STANDARD.encode(context.sign().as_ref())
}

#[cfg(test)]
mod tests {
    use super::sign;

    #[test]
    fn the_documented_example_has_its_signature() {
        // The example of Twilio's documentation of request validation.
        let parameters = [
            ("To", "+18005551212"),
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675310"),
            ("Digits", "1234"),
            ("From", "+14158675310"),
        ];

        let signature = sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", &parameters);

        assert_eq!(signature, "GvWf1cFY/Q7PnoempGyD5oXAezc=");
    }
}
