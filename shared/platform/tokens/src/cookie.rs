//! The cookies of a session in a browser.

use std::time::Duration;

/// A cookie of ours. The prefix `__Host-` makes browsers demand `Secure` and `Path=/` and forbid `Domain`, so that no
/// neighbouring host can set it (RFC 6265bis, section 4.1.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
    /// A device that signed in before, whoever did.
    Device,
}

impl Cookie {
    /// The cookies that a session has, which logging out clears.
    pub const OF_SESSION: [Self; 2] = [Self::Access, Self::Refresh];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "__Host-carillon-access",
            Self::Refresh => "__Host-carillon-refresh",
            Self::Device => "__Host-carillon-device",
        }
    }

    /// Writes the `Set-Cookie` header that sets it; scripts never see it, and other sites' requests do not carry it.
    #[must_use]
    pub fn set(self, value: &str, lives: Duration) -> String {
        format!("{}={value}; Max-Age={}; Path=/; Secure; HttpOnly; SameSite=Lax", self.name(), lives.as_secs())
    }

    /// Writes the `Set-Cookie` header that removes it.
    #[must_use]
    pub fn clear(self) -> String {
        self.set("", Duration::ZERO)
    }

    /// Finds its value among cookies of the form `name=value`; an empty one counts as none.
    #[must_use]
    pub fn find(self, cookies: &[String]) -> Option<&str> {
        let value = cookies.iter().find_map(|cookie| cookie.trim().strip_prefix(self.name())?.strip_prefix('='));
        value.filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_cookie_has_all_that_guards_it() {
        for cookie in [Cookie::Access, Cookie::Refresh, Cookie::Device] {
            for header in [cookie.set("value", Duration::from_secs(60)), cookie.clear()] {
                let parts: Vec<&str> = header.split("; ").collect();
                assert!(header.starts_with("__Host-carillon-"), "{header}");
                for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                    assert!(parts.contains(&part), "{header} lacks {part}");
                }
                assert!(!header.contains("Domain"), "{header}");
            }
        }
        assert!(Cookie::Access.clear().contains("Max-Age=0;"));
    }

    proptest! {
        /// What a cookie may hold: RFC 6265, section 4.1.1, `cookie-octet`.
        #[test]
        fn what_is_set_is_found_among_others(value in "[!#-+--:<-\\[\\]-~]{1,100}", others in proptest::collection::vec("[a-z]{1,9}=[a-z]{0,9}", 0..4)) {
            for cookie in [Cookie::Access, Cookie::Refresh, Cookie::Device] {
                let set = cookie.set(&value, Duration::from_secs(60));
                let kept = set.split_once(';').map_or("", |(pair, _)| pair).to_owned();
                let mut sent = others.clone();
                sent.push(kept);

                prop_assert_eq!(cookie.find(&sent), Some(value.as_str()));
                for other in [Cookie::Access, Cookie::Refresh, Cookie::Device].into_iter().filter(|other| *other != cookie) {
                    prop_assert_eq!(other.find(&sent), None);
                }
            }
        }

        #[test]
        fn no_text_breaks_the_finder(texts in proptest::collection::vec(".{0,60}", 0..5)) {
            let found = Cookie::Access.find(&texts);

            prop_assert!(found.is_none_or(|found| texts.iter().any(|text| text.ends_with(found))));
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let cookies = ["a=b", "__Host-carillon-access-old=x", "__Host-carillon-access=y", "__Host-carillon-refresh="].map(str::to_owned);

        assert_eq!(Cookie::Access.find(&cookies), Some("y"));
        assert_eq!(Cookie::Refresh.find(&cookies), None, "a cleared one");
        assert_eq!(Cookie::Device.find(&cookies), None);
    }
}
