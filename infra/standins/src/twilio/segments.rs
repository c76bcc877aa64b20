//! How many segments a text needs: 160 characters of GSM 03.38 in one message, 153 in each of several; 70 and 67 UTF-16
//! units otherwise; characters of the extension table count two (Twilio docs, "What is GSM-7").

const BASIC: &str =
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// The number of segments, at least one.
pub(super) fn segments(text: &str) -> u32 {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    match septets {
        Some(septets) => pack(&septets, 160, 153),
        None => pack(&text.chars().map(char::len_utf16).collect::<Vec<_>>(), 70, 67),
    }
}

fn septets(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        return Some(1);
    }
    EXTENSION.contains(character).then_some(2)
}

/// A character that takes two units is not split between segments.
fn pack(units: &[usize], single: usize, several: usize) -> u32 {
    if units.iter().sum::<usize>() <= single {
        return 1;
    }
    let (mut segments, mut used) = (1, 0);
    for unit in units {
        if used + unit > several {
            segments += 1;
            used = 0;
        }
        used += unit;
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::segments;

    #[test]
    fn texts_are_cut_where_twilio_cuts_them() {
        assert_eq!([segments(""), segments(&"a".repeat(160)), segments(&"a".repeat(161))], [1, 1, 2]);
        assert_eq!([segments(&"a".repeat(306)), segments(&"a".repeat(307))], [2, 3]);
        assert_eq!([segments(&"€".repeat(80)), segments(&"€".repeat(81))], [1, 2]);
        assert_eq!([segments(&"ж".repeat(70)), segments(&"ж".repeat(71)), segments(&"ж".repeat(135))], [1, 2, 3]);
    }

    #[test]
    fn a_pair_of_units_is_not_split() {
        assert_eq!([segments(&"😀".repeat(35)), segments(&"😀".repeat(66)), segments(&"😀".repeat(67))], [1, 2, 3]);
    }
}
