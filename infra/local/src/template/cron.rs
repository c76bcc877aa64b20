//! Cron expressions of EventBridge: minutes, hours, day of month, month, day of week, year.
//!
//! Source: Amazon EventBridge user guide, "Cron expressions". The wildcards `L`, `W` and `#` are refused.

use std::collections::BTreeSet;

use jiff::civil::DateTime;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A cron expression, in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: BTreeSet<u16>,
    hours: BTreeSet<u16>,
    days_of_month: BTreeSet<u16>,
    months: BTreeSet<u16>,
    /// Sunday is 1.
    days_of_week: BTreeSet<u16>,
    years: BTreeSet<u16>,
}

impl Cron {
    /// Reads the six fields; none where they cannot be read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days_of_month, months, days_of_week, years] = fields.as_slice() else {
            return None;
        };
        // One of the two days must be left open.
        if (*days_of_month == "?") == (*days_of_week == "?") {
            return None;
        }
        Some(Self {
            minutes: values(minutes, (0, 59), &[])?,
            hours: values(hours, (0, 23), &[])?,
            days_of_month: values(days_of_month, (1, 31), &[])?,
            months: values(months, (1, 12), &MONTHS)?,
            days_of_week: values(days_of_week, (1, 7), &DAYS)?,
            years: values(years, (1970, 2199), &[])?,
        })
    }

    /// Tells whether the minute of `moment` is one of the expression's.
    #[must_use]
    pub fn matches(&self, moment: DateTime) -> bool {
        let has = |set: &BTreeSet<u16>, value: i8| u16::try_from(value).is_ok_and(|value| set.contains(&value));
        has(&self.minutes, moment.minute())
            && has(&self.hours, moment.hour())
            && has(&self.days_of_month, moment.day())
            && has(&self.months, moment.month())
            && has(&self.days_of_week, moment.weekday().to_sunday_one_offset())
            && u16::try_from(moment.year()).is_ok_and(|year| self.years.contains(&year))
    }
}

fn values(field: &str, (lowest, highest): (u16, u16), names: &[&str]) -> Option<BTreeSet<u16>> {
    let number = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text)).and_then(|index| u16::try_from(index).ok());
        named.map(|index| index + 1).or_else(|| text.parse().ok()).filter(|value| (lowest..=highest).contains(value))
    };
    let mut values = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u16>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*" | "?", _) => (lowest, highest),
            (_, Some((from, to))) => (number(from)?, number(to)?),
            // `5/15` means from 5 on.
            (single, None) => (number(single)?, if step.is_some() { highest } else { number(single)? }),
        };
        if from > to {
            return None;
        }
        values.extend((from..=to).step_by(usize::from(step.unwrap_or(1))));
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(expression: &str, moment: &str) -> bool {
        Cron::parse(expression).unwrap().matches(moment.parse().unwrap())
    }

    #[test]
    fn usual_expressions_match_their_minutes() {
        // 10:00 every day; 12:15 every day; 18:00 Monday to Friday; 8:00 on the first of the month;
        // each 15 minutes; each 10 minutes Monday to Friday; each 5 minutes from 8:00 to 17:55 Monday to Friday.
        assert!(matches("0 10 * * ? *", "2026-11-21T10:00:00"));
        assert!(!matches("15 12 * * ? *", "2026-11-21T12:16:00"));
        assert!(matches("0 18 ? * MON-FRI *", "2026-11-20T18:00:00"));
        assert!(!matches("0 18 ? * MON-FRI *", "2026-11-21T18:00:00"), "a Saturday");
        assert!(matches("0 8 1 * ? *", "2026-12-01T08:00:00"));
        assert!(matches("0/15 * * * ? *", "2026-11-21T03:45:00"));
        assert!(matches("0/10 * ? * MON-FRI *", "2026-11-20T03:50:00"));
        assert!(matches("0/5 8-17 ? * MON-FRI *", "2026-11-20T17:55:00"));
        assert!(!matches("0/5 8-17 ? * MON-FRI *", "2026-11-20T18:00:00"));
    }

    #[test]
    fn what_eventbridge_refuses_and_what_is_not_supported_here_is_refused() {
        for expression in ["0 10 * * ?", "0 10 * * * *", "0 10 ? * ? *", "60 10 * * ? *", "0 10 L * ? *", "0 10 ? * 6#3 *", "0/0 1 * * ? *"]
        {
            assert_eq!(Cron::parse(expression), None, "{expression}");
        }
    }
}
