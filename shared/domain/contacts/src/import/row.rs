//! Reads the cells of a row as values.

use std::collections::BTreeSet;

use carillon_contracts::Channel;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::address::{Address, AddressError, EmailAddress, Phone, Region};
use crate::attribute::{self, AttributeValue, Attributes};
use crate::contact::{Locale, PersonName, TimeZoneName};
use crate::tag::Tag;

use super::mapping::{AttributeKind, Field};

/// A row of a file, cut into cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The number among the data rows, from 1; empty rows count.
    pub(crate) number: u64,
    /// The cells, as many as there are columns unless the row is wrong.
    pub(crate) cells: Vec<String>,
}

/// Why a row is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// The stable code of the first problem.
    pub(crate) code: &'static str,
    /// All problems, in words.
    pub(crate) reason: String,
}

impl Rejection {
    pub(crate) fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

/// What a row says of a contact.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) email: Option<EmailAddress>,
    pub(crate) phone: Option<Phone>,
    pub(crate) first_name: Option<PersonName>,
    pub(crate) last_name: Option<PersonName>,
    pub(crate) locale: Option<Locale>,
    pub(crate) time_zone: Option<TimeZoneName>,
    pub(crate) attributes: Attributes,
    pub(crate) tags: BTreeSet<Tag>,
}

impl Candidate {
    pub(crate) fn address(&self, channel: Channel) -> Option<Address> {
        match channel {
            Channel::Email => self.email.as_ref().map(Address::from),
            Channel::Sms => self.phone.as_ref().map(Address::from),
        }
    }

    pub(crate) fn addresses(&self) -> BTreeSet<Address> {
        Channel::ALL.into_iter().filter_map(|channel| self.address(channel)).collect()
    }
}

/// Reads a row; all that is wrong with it is told together.
pub(crate) fn candidate(cells: &[String], fields: &[Field], region: Option<Region>) -> Result<Candidate, Rejection> {
    let mut candidate = Candidate::default();
    let mut wrong: Vec<Rejection> = Vec::new();
    for (text, field) in cells.iter().map(|cell| cell.trim()).zip(fields) {
        if !text.is_empty()
            && let Err(rejection) = read(text, field, region, &mut candidate)
        {
            wrong.push(rejection);
        }
    }
    if wrong.is_empty() && candidate.email.is_none() && candidate.phone.is_none() {
        wrong.push(Rejection::new("address_missing", "the row has neither an email address nor a phone number"));
    }
    if wrong.is_empty()
        && let Some((_, problem)) = attribute::problem(&candidate.attributes)
    {
        wrong.push(Rejection::new("attributes_too_large", problem));
    }
    let Some(first) = wrong.first() else { return Ok(candidate) };
    let reason = wrong.iter().map(|rejection| rejection.reason.as_str()).collect::<Vec<_>>().join("; ");
    Err(Rejection::new(first.code, reason))
}

fn read(text: &str, field: &Field, region: Option<Region>, candidate: &mut Candidate) -> Result<(), Rejection> {
    let address = |error: AddressError| Rejection::new(error.code(), format!("{field} {error}"));
    match field {
        Field::Email => candidate.email = Some(text.parse().map_err(address)?),
        Field::Phone => candidate.phone = Some(Phone::parse(text, region).map_err(address)?),
        Field::FirstName => candidate.first_name = Some(text.parse().map_err(|error| refused("name_invalid", field, error))?),
        Field::LastName => candidate.last_name = Some(text.parse().map_err(|error| refused("name_invalid", field, error))?),
        Field::Locale => candidate.locale = Some(text.parse().map_err(|error| refused("locale_invalid", field, error))?),
        Field::TimeZone => candidate.time_zone = Some(text.parse().map_err(|error| refused("time_zone_invalid", field, error))?),
        Field::Tags => {
            for part in text.split([',', ';', '|']).filter(|part| !part.trim().is_empty()) {
                candidate.tags.insert(part.parse().map_err(|error| refused("tag_invalid", field, error))?);
            }
        }
        Field::Attribute(name, kind) => {
            let value = attribute_value(text, *kind).map_err(|problem| refused("attribute_invalid", field, problem))?;
            candidate.attributes.insert(name.clone(), value);
        }
        Field::Ignore => {}
    }
    Ok(())
}

fn refused(code: &'static str, field: &Field, error: impl std::fmt::Display) -> Rejection {
    Rejection::new(code, format!("{field} {error}"))
}

fn attribute_value(text: &str, kind: AttributeKind) -> Result<AttributeValue, &'static str> {
    Ok(match kind {
        AttributeKind::Text => AttributeValue::Text(text.to_owned()),
        AttributeKind::Number => {
            let whole = text.parse::<i64>().ok().map(serde_json::Number::from);
            let number = whole.or_else(|| text.parse::<f64>().ok().and_then(serde_json::Number::from_f64));
            AttributeValue::Number(number.ok_or("is not a number such as 3 or -2.5")?)
        }
        AttributeKind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "1" => AttributeValue::Boolean(true),
            "false" | "no" | "n" | "0" => AttributeValue::Boolean(false),
            _ => return Err("is neither true nor false"),
        },
        AttributeKind::Date => {
            let moment = text.parse::<Timestamp>().map(|moment| moment.to_string());
            let date = moment.or_else(|_| text.parse::<Date>().map(|date| date.to_string()));
            AttributeValue::Text(date.map_err(|_| "is not a date such as 2026-11-21, or a moment in RFC 3339")?)
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read_row(cells: &[&str], fields: &[&str]) -> Result<Candidate, Rejection> {
        let cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        let fields: Vec<Field> = fields.iter().map(|field| field.parse().unwrap()).collect();
        candidate(&cells, &fields, Some("DE".parse().unwrap()))
    }

    #[test]
    fn cells_become_values_and_empty_ones_nothing() {
        let cells = [" ada@example.com ", "030 901820", "", "VIP; news", "3", "yes", "2026-11-21"];
        let fields = ["email", "phone", "first_name", "tags", "attributes.age:number", "attributes.paid:boolean", "attributes.since:date"];

        let row = read_row(&cells, &fields).unwrap();

        assert_eq!(row.phone.unwrap().as_str(), "+4930901820");
        assert_eq!(row.first_name, None);
        assert_eq!(row.tags.len(), 2);
        assert_eq!(serde_json::to_string(&row.attributes).unwrap(), r#"{"age":3,"paid":true,"since":"2026-11-21"}"#);
    }

    #[test]
    fn all_that_is_wrong_with_a_row_is_told() {
        let rejection = read_row(&["ada@", "12", "x"], &["email", "phone", "attributes.age:number"]).unwrap_err();

        assert_eq!(rejection.code, "email_invalid");
        assert_eq!(rejection.reason.matches(';').count(), 2, "{}", rejection.reason);
    }

    #[test]
    fn a_row_without_any_address_is_rejected() {
        assert_eq!(read_row(&["", "Ada"], &["email", "first_name"]).unwrap_err().code, "address_missing");
    }
}
