//! Which column of a file becomes which field of a contact.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use carillon_kernel::Problem;
use serde::{Deserialize, Serialize};

use crate::attribute::AttributeName;

/// The names by which files call a field, letters and digits only, in lower case.
const WELL_KNOWN: &[(Field, &[&str])] = &[
    (
        Field::Email,
        &["email", "mail", "emailaddress", "mailaddress", "emailadresse", "correo", "correoelectronico", "courriel", "adresseemail"],
    ),
    (
        Field::Phone,
        &[
            "phone",
            "mobile",
            "phonenumber",
            "mobilephone",
            "mobilenumber",
            "cell",
            "cellphone",
            "telephone",
            "tel",
            "sms",
            "msisdn",
            "handy",
            "telefon",
            "telefonnummer",
            "mobil",
            "telefono",
            "movil",
            "portable",
        ],
    ),
    (Field::FirstName, &["firstname", "givenname", "forename", "fname", "first", "vorname", "prenom", "nombre"]),
    (Field::LastName, &["lastname", "surname", "familyname", "lname", "last", "nachname", "nom", "apellido", "apellidos"]),
    (Field::Locale, &["locale", "language", "lang", "sprache", "langue", "idioma"]),
    (Field::TimeZone, &["timezone", "tz", "zeitzone"]),
    (Field::Tags, &["tags", "labels"]),
];

/// How the text of a column is read as an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttributeKind {
    /// As it is.
    Text,
    /// As a number, such as `3`, `-2.5`.
    Number,
    /// As `true`, `false`, `yes`, `no`, `1`, `0`.
    Boolean,
    /// As a date `2026-11-21`, or a moment in RFC 3339.
    Date,
}

/// What a column becomes. Its text form is `email`, `phone`, …, `attributes.plan`, `attributes.age:number` or `ignore`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Field {
    /// The email address.
    Email,
    /// The phone number.
    Phone,
    /// The first name.
    FirstName,
    /// The last name.
    LastName,
    /// The language.
    Locale,
    /// The time zone.
    TimeZone,
    /// Tags, separated by comma, semicolon or bar.
    Tags,
    /// An attribute.
    Attribute(AttributeName, AttributeKind),
    /// Nothing.
    Ignore,
}

/// The fields of columns that are named by hand, by the columns' names.
pub type Mapping = BTreeMap<String, Field>;

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = |kind: &AttributeKind| match kind {
            AttributeKind::Text => "",
            AttributeKind::Number => ":number",
            AttributeKind::Boolean => ":boolean",
            AttributeKind::Date => ":date",
        };
        match self {
            Self::Email => formatter.write_str("email"),
            Self::Phone => formatter.write_str("phone"),
            Self::FirstName => formatter.write_str("first_name"),
            Self::LastName => formatter.write_str("last_name"),
            Self::Locale => formatter.write_str("locale"),
            Self::TimeZone => formatter.write_str("time_zone"),
            Self::Tags => formatter.write_str("tags"),
            Self::Attribute(name, of) => write!(formatter, "attributes.{name}{}", kind(of)),
            Self::Ignore => formatter.write_str("ignore"),
        }
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            "is not a field: use email, phone, first_name, last_name, locale, time_zone, tags, ignore, or attributes.<name>, which may end in \
             :number, :boolean or :date"
                .to_owned()
        };
        Ok(match text {
            "email" => Self::Email,
            "phone" => Self::Phone,
            "first_name" => Self::FirstName,
            "last_name" => Self::LastName,
            "locale" => Self::Locale,
            "time_zone" => Self::TimeZone,
            "tags" => Self::Tags,
            "ignore" => Self::Ignore,
            other => {
                let attribute = other.strip_prefix("attributes.").ok_or_else(unknown)?;
                let (name, kind) = attribute.split_once(':').unwrap_or((attribute, "text"));
                let kind = match kind {
                    "text" => AttributeKind::Text,
                    "number" => AttributeKind::Number,
                    "boolean" => AttributeKind::Boolean,
                    "date" => AttributeKind::Date,
                    _ => return Err(unknown()),
                };
                Self::Attribute(name.parse().map_err(|error| format!("{error}"))?, kind)
            }
        })
    }
}

impl TryFrom<String> for Field {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}

/// Gives the field of each column: as named by hand, else by its well-known name, else none.
///
/// # Errors
/// All that is wrong: columns that are not there, fields that are named twice, no address at all.
pub fn fields(columns: &[String], mapping: &Mapping) -> Result<Vec<Field>, Vec<Problem>> {
    let mut problems = Vec::new();
    let by_hand: BTreeMap<String, &Field> = mapping.iter().map(|(column, field)| (plain(column), field)).collect();
    for column in mapping.keys() {
        if !columns.iter().any(|known| plain(known) == plain(column)) {
            let detail = format!("the file has no column of this name; it has: {}", columns.join(", "));
            problems.push(Problem::new(pointer(column), "imports.column_unknown", detail));
        }
    }
    let mut taken: BTreeSet<&Field> = BTreeSet::new();
    for (column, field) in mapping {
        if *field != Field::Ignore && !taken.insert(field) {
            problems.push(Problem::new(pointer(column), "imports.field_twice", format!("two columns become {field}: name one")));
        }
    }
    let mut fields = Vec::with_capacity(columns.len());
    for column in columns {
        let field = match by_hand.get(&plain(column)) {
            Some(field) => (*field).clone(),
            None => well_known(column).filter(|field| taken.insert(field)).cloned().unwrap_or(Field::Ignore),
        };
        fields.push(field);
    }
    if !fields.iter().any(|field| matches!(field, Field::Email | Field::Phone)) {
        let detail = "no column becomes email or phone: name one in the mapping";
        problems.push(Problem::new("/mapping", "imports.address_unmapped", detail));
    }
    if problems.is_empty() { Ok(fields) } else { Err(problems) }
}

fn well_known(column: &str) -> Option<&'static Field> {
    let plain: String = column.to_lowercase().chars().map(unaccented).filter(|letter| letter.is_ascii_alphanumeric()).collect();
    WELL_KNOWN.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|(field, _)| field)
}

const fn unaccented(letter: char) -> char {
    match letter {
        'é' | 'è' => 'e',
        'ó' => 'o',
        'á' => 'a',
        other => other,
    }
}

fn plain(column: &str) -> String {
    column.trim().to_lowercase()
}

fn pointer(column: &str) -> String {
    format!("/mapping/{}", column.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn texts(fields: &[Field]) -> Vec<String> {
        fields.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn well_known_names_need_no_mapping() {
        let found = fields(&columns(&["E-Mail", "First Name", "Prénom", "MOBILE_PHONE", "Shoe size"]), &Mapping::new()).unwrap();

        assert_eq!(texts(&found), ["email", "first_name", "ignore", "phone", "ignore"]);
    }

    #[test]
    fn what_is_named_by_hand_comes_first() {
        let mapping: Mapping =
            serde_json::from_str(r#"{"contact":"email","email":"attributes.old_email","Age":"attributes.age:number"}"#).unwrap();

        let found = fields(&columns(&["Contact", "Email", "age"]), &mapping).unwrap();

        assert_eq!(texts(&found), ["email", "attributes.old_email", "attributes.age:number"]);
    }

    #[test]
    fn everything_that_is_wrong_is_told() {
        let mapping: Mapping = serde_json::from_str(r#"{"a":"first_name","b":"first_name","z":"last_name"}"#).unwrap();

        let problems = fields(&columns(&["a", "b"]), &mapping).unwrap_err();

        let codes: Vec<&str> = problems.iter().map(|problem| problem.code.as_str()).collect();
        assert_eq!(codes, ["imports.column_unknown", "imports.field_twice", "imports.address_unmapped"]);
    }

    #[test]
    fn an_unknown_field_is_refused_with_the_known_ones() {
        assert!("emial".parse::<Field>().unwrap_err().contains("email"));
        assert!("attributes.Plan".parse::<Field>().is_err());
        assert!("attributes.email".parse::<Field>().is_err());
    }
}
