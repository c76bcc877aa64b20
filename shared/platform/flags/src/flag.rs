//! The flags, and what a document of them says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Something that can be turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// Mail of organizations leaves: campaigns and single messages. Mails about accounts leave in any case.
    EmailSending,
    /// Texts of organizations leave: campaigns and single messages. Answers to STOP and HELP leave in any case.
    SmsSending,
    /// New accounts with organizations of their own are made.
    SignUp,
    /// Imports start; those that run go on in any case.
    Imports,
}

impl Flag {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::EmailSending, Self::SmsSending, Self::SignUp, Self::Imports];

    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmailSending => "email_sending",
            Self::SmsSending => "sms_sending",
            Self::SignUp => "sign_up",
            Self::Imports => "imports",
        }
    }
}

/// What is off; everything is on by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Off(BTreeSet<Flag>);

/// One flag of a document, as it comes back: name and value without its definition.
#[derive(Debug, Deserialize)]
struct Value {
    enabled: bool,
}

impl Off {
    /// Reads a document of `AWS.AppConfig.FeatureFlags` as it is retrieved: `{"sign_up": {"enabled": false}, …}`.
    ///
    /// A flag that is not named is on, so that a release may know more flags than the document that the operator wrote before it.
    pub(crate) fn read(document: &[u8]) -> Result<Self, serde_json::Error> {
        let values: BTreeMap<String, Value> = serde_json::from_slice(document)?;
        let is_off = |flag: &Flag| values.get(flag.name()).is_some_and(|value| !value.enabled);
        Ok(Self(Flag::ALL.into_iter().filter(is_off).collect()))
    }

    pub(crate) fn contains(&self, flag: Flag) -> bool {
        self.0.contains(&flag)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_off_only_where_the_document_says_so() {
        let off =
            Off::read(br#"{"email_sending":{"enabled":false},"sign_up":{"enabled":true,"reason":"spring"},"later":{"enabled":false}}"#);

        assert_eq!(off.unwrap(), Off([Flag::EmailSending].into()));
        assert_eq!(Off::read(b"{}").unwrap(), Off::default());
    }

    #[test]
    fn what_is_no_document_of_flags_is_not_read() {
        for document in [&b""[..], b"[]", br#"{"imports":false}"#, br#"{"imports":{"enabled":"false"}}"#, br#"{"version":"1","values":{}}"#]
        {
            assert!(Off::read(document).is_err(), "{}", String::from_utf8_lossy(document));
        }
    }
}
