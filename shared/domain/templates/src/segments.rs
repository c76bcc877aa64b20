//! Counts what an SMS is billed by: its segments.
//!
//! Sources: 3GPP TS 23.038 (the GSM 7-bit alphabet and its extension table) and TS 23.040 (a part of several has six bytes
//! less), as Twilio's documentation of the GSM-7 and UCS-2 encodings sums them up: 160 or 153 septets, 70 or 67 UTF-16
//! units. A character is never split over two parts.

use serde::Serialize;

const BASIC: &str =
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "^{}\\[~]|€\u{c}";

/// The encoding that a text needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Encoding {
    /// The GSM 7-bit alphabet.
    #[serde(rename = "gsm_7")]
    Gsm7,
    /// UTF-16.
    #[serde(rename = "ucs_2")]
    Ucs2,
}

impl Encoding {
    fn single(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    fn part(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    fn units(self, character: char) -> usize {
        match self {
            Self::Gsm7 => 1 + usize::from(EXTENSION.contains(character)),
            Self::Ucs2 => character.len_utf16(),
        }
    }
}

/// How a text is sent and billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Segmentation {
    /// The encoding.
    pub encoding: Encoding,
    /// Septets or UTF-16 units in all.
    pub units: usize,
    /// Parts that are billed; an empty text has none.
    pub segments: usize,
    /// Units that fit into the last part yet.
    pub remaining: usize,
    /// The characters, each once, that the GSM alphabet lacks and that make the text UCS-2.
    pub offending: Vec<char>,
}

/// Counts the segments of a text.
#[must_use]
pub fn segment(text: &str) -> Segmentation {
    let mut offending = Vec::new();
    for character in text.chars() {
        let is_known = BASIC.contains(character) || EXTENSION.contains(character);
        if !is_known && !offending.contains(&character) {
            offending.push(character);
        }
    }
    let encoding = if offending.is_empty() { Encoding::Gsm7 } else { Encoding::Ucs2 };
    let sizes = || text.chars().map(|character| encoding.units(character));
    let units: usize = sizes().sum();
    if units <= encoding.single() {
        return Segmentation { encoding, units, segments: usize::from(units > 0), remaining: encoding.single() - units, offending };
    }
    let (segments, used) = sizes().fold((1, 0), |(segments, used), size| match used + size > encoding.part() {
        true => (segments + 1, size),
        false => (segments, used + size),
    });
    Segmentation { encoding, units, segments, remaining: encoding.part() - used, offending }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> (Encoding, usize, usize, usize) {
        let found = segment(text);
        (found.encoding, found.units, found.segments, found.remaining)
    }

    /// Twilio, "What is GSM-7 Character Encoding?" and "Is there a message length limit for Twilio programmable SMS?".
    #[test]
    fn the_limits_of_gsm_7_are_160_and_153() {
        assert_eq!(counted(""), (Encoding::Gsm7, 0, 0, 160));
        assert_eq!(counted(&"a".repeat(160)), (Encoding::Gsm7, 160, 1, 0));
        assert_eq!(counted(&"a".repeat(161)), (Encoding::Gsm7, 161, 2, 145));
        assert_eq!(counted(&"a".repeat(306)), (Encoding::Gsm7, 306, 2, 0));
        assert_eq!(counted(&"a".repeat(307)), (Encoding::Gsm7, 307, 3, 152));
    }

    #[test]
    fn the_limits_of_ucs_2_are_70_and_67() {
        assert_eq!(counted(&"я".repeat(70)), (Encoding::Ucs2, 70, 1, 0));
        assert_eq!(counted(&"я".repeat(71)), (Encoding::Ucs2, 71, 2, 63));
        assert_eq!(counted(&"я".repeat(135)), (Encoding::Ucs2, 135, 3, 66));
    }

    #[test]
    fn one_foreign_character_makes_the_whole_text_ucs_2_and_is_named() {
        let found = segment("It\u{2019}s “fine”, it\u{2019}s");

        assert_eq!(found.encoding, Encoding::Ucs2);
        assert_eq!(found.offending, ['\u{2019}', '“', '”']);
    }

    #[test]
    fn characters_of_the_extension_table_count_two() {
        assert_eq!(counted("€[]{}|^~\\"), (Encoding::Gsm7, 18, 1, 142));
        assert_eq!(counted(&"€".repeat(80)), (Encoding::Gsm7, 160, 1, 0));
        assert_eq!(counted(&"€".repeat(81)), (Encoding::Gsm7, 162, 2, 143));
    }

    #[test]
    fn an_escaped_character_is_not_split_over_two_parts() {
        let text = format!("{}€{}", "a".repeat(152), "a".repeat(151));

        assert_eq!(counted(&text), (Encoding::Gsm7, 305, 2, 0));
        assert_eq!(counted(&format!("{text}a")), (Encoding::Gsm7, 306, 3, 152));
    }

    #[test]
    fn a_surrogate_pair_is_not_split_over_two_parts() {
        let text = format!("{}😀{}", "я".repeat(66), "я".repeat(65));

        assert_eq!(counted(&text), (Encoding::Ucs2, 133, 2, 0));
        assert_eq!(counted(&"😀".repeat(35)), (Encoding::Ucs2, 70, 1, 0));
        assert_eq!(counted(&"😀".repeat(36)), (Encoding::Ucs2, 72, 2, 61));
    }

    #[test]
    fn the_basic_alphabet_has_its_127_characters_besides_escape() {
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(segment(BASIC).offending, Vec::<char>::new());
    }
}
