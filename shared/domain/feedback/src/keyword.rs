//! The words by which people stop, start and ask for help by text message.

/// What a word asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keyword {
    /// No more texts.
    Stop,
    /// Texts again.
    Start,
    /// Who writes, and how to stop.
    Help,
}

/// Twilio's words (<https://help.twilio.com/articles/223134027>), and those that the FCC names in 47 CFR 64.1200(a)(10): revoke, opt out.
const WORDS: &[(Keyword, &[&str])] = &[
    (Keyword::Stop, &["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"]),
    (Keyword::Start, &["START", "YES", "UNSTOP"]),
    (Keyword::Help, &["HELP", "INFO"]),
];

impl Keyword {
    /// Reads what an inbound text asks for; nothing when it is any other text.
    ///
    /// `opt_out_type` is Twilio's own reading, which knows the words that an account configured: it wins where it is there.
    /// Otherwise the text must be the word and nothing else, in any case, with any punctuation and space.
    #[must_use]
    pub fn read(body: &str, opt_out_type: Option<&str>) -> Option<Self> {
        match opt_out_type.map(str::to_ascii_uppercase).as_deref() {
            Some("STOP") => return Some(Self::Stop),
            Some("START") => return Some(Self::Start),
            Some("HELP") => return Some(Self::Help),
            _ => {}
        }
        let word: String = body.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_uppercase).take(20).collect();
        WORDS.iter().find(|(_, words)| words.contains(&word.as_str())).map(|(keyword, _)| *keyword)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_in_any_case_with_any_punctuation() {
        for (keyword, words) in WORDS {
            for word in *words {
                assert_eq!(Keyword::read(word, None), Some(*keyword));
                assert_eq!(Keyword::read(&format!("  {}!\n", word.to_lowercase()), None), Some(*keyword));
            }
        }
        assert_eq!(Keyword::read("Stop all.", None), Some(Keyword::Stop));
        assert_eq!(Keyword::read("opt-out", None), Some(Keyword::Stop));
    }

    #[test]
    fn a_word_inside_a_sentence_is_not_read() {
        for text in ["please stop", "Where does it end?", "yes please", "", "1", "STOPALLSTOPALLSTOPALLSTOPALL"] {
            assert_eq!(Keyword::read(text, None), None, "{text}");
        }
    }

    #[test]
    fn twilios_own_reading_wins() {
        assert_eq!(Keyword::read("ARRET", Some("STOP")), Some(Keyword::Stop));
        assert_eq!(Keyword::read("STOP", Some("HELP")), Some(Keyword::Help));
        assert_eq!(Keyword::read("STOP", Some("")), Some(Keyword::Stop));
    }
}
