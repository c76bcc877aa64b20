//! A file of contacts as the world writes them: a byte order mark, CR LF, quoted line breaks, duplicates, broken addresses,
//! numbers of many countries in many spellings. The same number of rows gives the same file.

/// What the world calls its columns.
const HEADER: &str = "Email,First name,Last name,Mobile,Country,Plan,Customer since,Tags,Notes";
/// The tag of those who asked for text messages.
pub const TEXTS_TAG: &str = "texts";

/// A country: its names, and how its people write a mobile number with six digits of their own.
struct Country {
    code: &'static str,
    first_names: [(&'static str, &'static str); 4],
    last_names: [(&'static str, &'static str); 4],
    spellings: [fn(usize) -> String; 2],
}

/// Names beside their spelling in addresses. The numbers follow each country's plan for mobile numbers.
const COUNTRIES: [Country; 10] = [
    Country {
        code: "GB",
        first_names: [("Olivia", "olivia"), ("Harry", "harry"), ("Siân", "sian"), ("Aoife", "aoife")],
        last_names: [("O'Neill", "oneill"), ("Smith-Jones", "smith-jones"), ("Taylor", "taylor"), ("MacDonald", "macdonald")],
        spellings: [|number| format!("07400 {number:06}"), |number| format!("+44 (0)7400 {number:06}")],
    },
    Country {
        code: "US",
        first_names: [("Emma", "emma"), ("Liam", "liam"), ("José", "jose"), ("Aaliyah", "aaliyah")],
        last_names: [("Johnson", "johnson"), ("García", "garcia"), ("Washington", "washington"), ("Lee", "lee")],
        spellings: [
            |number| format!("+1 (415) {}-{:04}", 300 + number / 10_000, number % 10_000),
            |number| format!("001-415-{}-{:04}", 300 + number / 10_000, number % 10_000),
        ],
    },
    Country {
        code: "DE",
        first_names: [("Jürgen", "juergen"), ("Käthe", "kaethe"), ("Lukas", "lukas"), ("Zoë", "zoe")],
        last_names: [("Müller", "mueller"), ("Weiß", "weiss"), ("von der Leyen", "vonderleyen"), ("Schäfer", "schaefer")],
        spellings: [|number| format!("+49 1512 3{number:06}"), |number| format!("0049 (1512) 3{number:06}")],
    },
    Country {
        code: "PT",
        first_names: [("João", "joao"), ("Inês", "ines"), ("Gonçalo", "goncalo"), ("Beatriz", "beatriz")],
        last_names: [("Conceição", "conceicao"), ("Magalhães", "magalhaes"), ("Silva", "silva"), ("Araújo", "araujo")],
        spellings: [|number| format!("+351 912 {:03} {:03}", number / 1000, number % 1000), |number| format!("00351912{number:06}")],
    },
    Country {
        code: "FR",
        first_names: [("Chloé", "chloe"), ("François", "francois"), ("Maëlle", "maelle"), ("Noël", "noel")],
        last_names: [("Lefèvre", "lefevre"), ("D'Angelo", "dangelo"), ("Dubois", "dubois"), ("Béranger", "beranger")],
        spellings: [|number| format!("+33 6 12 {:03} {:03}", number / 1000, number % 1000), |number| format!("+33612{number:06}")],
    },
    Country {
        code: "ES",
        first_names: [("Íñigo", "inigo"), ("María", "maria"), ("Begoña", "begona"), ("Pablo", "pablo")],
        last_names: [("Núñez", "nunez"), ("Fernández", "fernandez"), ("Ibáñez", "ibanez"), ("Ruiz", "ruiz")],
        spellings: [|number| format!("+34 612{number:06}"), |number| format!("+34-612-{number:06}")],
    },
    Country {
        code: "NL",
        first_names: [("Sanne", "sanne"), ("Daan", "daan"), ("Fenna", "fenna"), ("Thijs", "thijs")],
        last_names: [("de Vries", "devries"), ("van 't Hoff", "vanthoff"), ("Jansen", "jansen"), ("Bakker", "bakker")],
        spellings: [|number| format!("+31 6 12{number:06}"), |number| format!("0031612{number:06}")],
    },
    Country {
        code: "BR",
        first_names: [("Antônio", "antonio"), ("Júlia", "julia"), ("Caetano", "caetano"), ("Thaís", "thais")],
        last_names: [("Gonçalves", "goncalves"), ("Souza", "souza"), ("Brandão", "brandao"), ("Lima", "lima")],
        spellings: [|number| format!("+55 11 961{number:06}"), |number| format!("+55 (11) 961{number:06}")],
    },
    Country {
        code: "JP",
        first_names: [("さくら", "sakura"), ("陽翔", "haruto"), ("結衣", "yui"), ("蓮", "ren")],
        last_names: [("佐藤", "sato"), ("鈴木", "suzuki"), ("高橋", "takahashi"), ("田中", "tanaka")],
        spellings: [|number| format!("+81 90-12{number:06}"), |number| format!("+819012{number:06}")],
    },
    Country {
        code: "IN",
        first_names: [("आरव", "aarav"), ("Diya", "diya"), ("Arjun", "arjun"), ("अनन्या", "ananya")],
        last_names: [("Patel", "patel"), ("शर्मा", "sharma"), ("Singh", "singh"), ("Reddy", "reddy")],
        spellings: [|number| format!("+91 81234 {:05}", number % 100_000), |number| format!("+91-8{:09}", 123_000_000 + number)],
    },
];

const DOMAINS: [&str; 5] = ["example.com", "example.org", "example.net", "mail.example.com", "Example.COM"];
const PLANS: [&str; 3] = ["free", "team", "business"];
const NOTES: [&str; 4] = ["prefers mail,\r\nnot calls", "said \"call me later\"", "moved in 2024; see file", "VIP\nno discounts"];
const BROKEN_ADDRESSES: [&str; 6] =
    ["anna@", "joe@@example.com", "no at example.com", "kim@example", "\"li wei\"@example.com", "max@.example.com"];
const BROKEN_NUMBERS: [&str; 3] = ["12", "n/a", "+49 0000"];

/// Decisions by chance that can be repeated (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or_default()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let place = self.below(from.len());
        from.get(place).copied()
    }
}

/// One row, before it is written.
#[derive(Default)]
struct Person {
    email: String,
    first_name: &'static str,
    last_name: &'static str,
    mobile: String,
    country: &'static str,
    plan: &'static str,
    since: String,
    tags: String,
    notes: &'static str,
}

/// Writes a file of so many rows behind the header.
#[must_use]
pub fn csv(rows: usize) -> Vec<u8> {
    let mut dice = Dice(20_261_121);
    let mut text = format!("\u{feff}{HEADER}\r\n");
    let mut earlier = String::new();
    for number in 0..rows {
        let mut person = person(&mut dice, number);
        match dice.below(1000) {
            0..20 if !earlier.is_empty() => {
                person.email = earlier.to_uppercase();
                person.mobile.clear();
            }
            20..32 => {
                person.email = dice.pick(&BROKEN_ADDRESSES).unwrap_or_default().to_owned();
                person.mobile.clear();
            }
            32..36 => person.mobile = dice.pick(&BROKEN_NUMBERS).unwrap_or_default().to_owned(),
            36..70 if !person.mobile.is_empty() => person.email.clear(),
            70..73 => {
                // A comma that nobody quoted.
                text.push_str(&format!("{},{},Ltd.,{},,,,,,\r\n", person.email, person.first_name, person.last_name));
                continue;
            }
            73..76 => {
                text.push_str("\r\n");
                continue;
            }
            _ => earlier.clone_from(&person.email),
        }
        person.write(&mut text);
    }
    text.into_bytes()
}

fn person(dice: &mut Dice, number: usize) -> Person {
    let Some(country) = COUNTRIES.get(dice.below(COUNTRIES.len())) else { return Person::default() };
    let (first_name, first) = dice.pick(&country.first_names).unwrap_or_default();
    let (last_name, last) = dice.pick(&country.last_names).unwrap_or_default();
    let domain = dice.pick(&DOMAINS).unwrap_or_default();
    let has_mobile = dice.below(100) < 55;
    let spelling = country.spellings.get(dice.below(2)).filter(|_| has_mobile);
    Person {
        email: format!("{first}.{last}{number}@{domain}"),
        first_name,
        last_name,
        mobile: spelling.map(|spell| spell(number % 1_000_000)).unwrap_or_default(),
        country: country.code,
        plan: dice.pick(&PLANS).unwrap_or_default(),
        since: format!("20{:02}-{:02}-{:02}", 15 + dice.below(11), 1 + dice.below(12), 1 + dice.below(28)),
        tags: if has_mobile && dice.below(100) < 20 { format!("{TEXTS_TAG}; customer") } else { String::new() },
        notes: if dice.below(100) < 4 { dice.pick(&NOTES).unwrap_or_default() } else { "" },
    }
}

impl Person {
    fn write(&self, text: &mut String) {
        let cells = [
            self.email.as_str(),
            self.first_name,
            self.last_name,
            &self.mobile,
            self.country,
            self.plan,
            &self.since,
            &self.tags,
            self.notes,
        ];
        let cells: Vec<String> = cells.into_iter().map(cell).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
}

/// Quotes a cell where RFC 4180 asks for it.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// A small file as Excel writes "Unicode text": UTF-16 with a byte order mark.
#[must_use]
pub fn utf16() -> Vec<u8> {
    let units = "\u{feff}Email,First name\r\njuergen@example.com,Jürgen\r\n".encode_utf16();
    units.flat_map(u16::to_le_bytes).collect()
}

/// A small file in Latin-1: each character one byte.
#[must_use]
pub fn latin1() -> Vec<u8> {
    "Email,First name\r\njuergen@example.com,J\u{fc}rgen\r\n".chars().filter_map(|letter| u8::try_from(u32::from(letter)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_the_world_writes() {
        let bytes = csv(2_000);
        let text = String::from_utf8(bytes.clone()).unwrap();

        assert!(text.starts_with("\u{feff}Email,"));
        assert!(text.contains("\"prefers mail,\r\nnot calls\""));
        assert!(text.contains("\"said \"\"call me later\"\"\""));
        assert!(text.contains("joe@@example.com"));
        assert!(text.contains("+81 90-12") && text.contains("07400 ") && text.contains("佐藤"));
        assert!(text.contains("@EXAMPLE.COM"), "the duplicates are in capitals");
        assert_eq!(bytes, csv(2_000), "the same file again");
    }

    #[test]
    fn most_rows_have_an_address_and_some_are_to_get_texts() {
        let text = String::from_utf8(csv(1_000)).unwrap();

        let texts = text.matches(TEXTS_TAG).count();
        assert!((60..200).contains(&texts), "{texts}");
        assert!(text.matches("@").count() > 900);
    }

    #[test]
    fn the_files_to_be_refused_are_not_in_utf8() {
        assert!(utf16().starts_with(b"\xff\xfe"));
        assert!(String::from_utf8(latin1()).is_err());
    }
}
