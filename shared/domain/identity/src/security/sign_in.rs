//! Compares a login with what is remembered of the user's earlier ones.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::Suspicion;
use super::kind::SecurityEventKind;
use super::place::Place;

/// How many devices and countries of a user are remembered; the one that was not seen for longest makes room.
const REMEMBERED: usize = 10;
/// Faster than any airliner, from door to door.
const FASTEST_KM_PER_HOUR: f64 = 1000.0;
/// Nearer than this, a place is not known well enough: mobile networks and companies come out of the net somewhere.
const FAR_KM: f64 = 500.0;

/// What is remembered of a user's logins: kept small, in the user's own item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIns {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    devices: Vec<Seen>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    countries: Vec<Seen>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<LastPlace>,
}

/// A device, by its mark, or a country, by its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    what: String,
    at: Timestamp,
}

/// Where the last login came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LastPlace {
    at: Timestamp,
    place: Place,
}

/// A login, as far as it can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// When.
    pub moment: Timestamp,
    /// What stands for the device.
    pub device: String,
    /// Where the address is, if that is known.
    pub place: Option<Place>,
}

/// What a login looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assessment {
    /// What is unlike the usual.
    pub suspicions: Vec<Suspicion>,
    /// Whether the policy asks for one more proof because of it.
    pub step_up: bool,
}

impl SignIns {
    /// Tells whether nothing is remembered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.countries.is_empty() && self.last.is_none()
    }

    /// Compares a login with the earlier ones; the first one is like all that come after it.
    ///
    /// `step_up_on` are the kinds at which the organization asks for a step-up.
    #[must_use]
    pub fn assess(&self, sign_in: &SignIn, step_up_on: &BTreeSet<SecurityEventKind>) -> Assessment {
        if self.is_empty() {
            return Assessment::default();
        }
        let found = [self.new_device(sign_in), self.new_country(sign_in), self.impossible_travel(sign_in)];
        let suspicions: Vec<Suspicion> =
            found.into_iter().flatten().map(|found| Suspicion { step_up: step_up_on.contains(&found.kind), ..found }).collect();
        Assessment { step_up: suspicions.iter().any(|suspicion| suspicion.step_up), suspicions }
    }

    /// Remembers a login that was completed.
    pub fn remember(&mut self, sign_in: &SignIn) {
        remember(&mut self.devices, &sign_in.device, sign_in.moment);
        if let Some(place) = &sign_in.place {
            remember(&mut self.countries, &place.country, sign_in.moment);
            self.last = Some(LastPlace { at: sign_in.moment, place: place.clone() });
        }
    }

    fn new_device(&self, sign_in: &SignIn) -> Option<Suspicion> {
        let is_new = !self.devices.is_empty() && !self.devices.iter().any(|seen| seen.what == sign_in.device);
        is_new.then(|| Suspicion::of(SecurityEventKind::NewDevice).marked(&sign_in.device))
    }

    /// A country is new only among others: those before the database was configured are not known.
    fn new_country(&self, sign_in: &SignIn) -> Option<Suspicion> {
        let country = &sign_in.place.as_ref()?.country;
        let is_new = !self.countries.is_empty() && !self.countries.iter().any(|seen| seen.what == *country);
        is_new.then(|| Suspicion::of(SecurityEventKind::NewCountry).marked(country).with("country", country))
    }

    fn impossible_travel(&self, sign_in: &SignIn) -> Option<Suspicion> {
        let (last, place) = (self.last.as_ref()?, sign_in.place.as_ref()?);
        let distance = last.place.at_least_km_from(place)?;
        // Clocks differ a little, and nothing is divided by nothing.
        let minutes = (sign_in.moment.as_second() - last.at.as_second()).max(60) / 60;
        let needed = distance / FASTEST_KM_PER_HOUR * 60.0;
        if distance < FAR_KM || needed <= minutes as f64 {
            return None;
        }
        let suspicion = Suspicion::of(SecurityEventKind::ImpossibleTravel).marked(&format!("{}-{}", last.place.country, place.country));
        let suspicion = suspicion.with("from", &last.place.country).with("to", &place.country);
        Some(suspicion.with("kilometres", &format!("{distance:.0}")).with("minutes", &minutes.to_string()))
    }
}

fn remember(seen: &mut Vec<Seen>, what: &str, at: Timestamp) {
    seen.retain(|known| known.what != what);
    seen.push(Seen { what: what.to_owned(), at });
    seen.sort_by_key(|known| std::cmp::Reverse(known.at));
    seen.truncate(REMEMBERED);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn at(minute: i64, device: &str, place: Option<Place>) -> SignIn {
        SignIn { moment: Timestamp::from_second(minute * 60).unwrap(), device: device.to_owned(), place }
    }

    fn lisbon() -> Option<Place> {
        Some(Place::at("PT", (38.7, -9.1), 20))
    }

    fn new_york() -> Option<Place> {
        Some(Place::at("US", (40.7, -74.0), 20))
    }

    fn kinds(assessment: &Assessment) -> Vec<SecurityEventKind> {
        assessment.suspicions.iter().map(|suspicion| suspicion.kind).collect()
    }

    fn after(sign_ins: &[SignIn]) -> SignIns {
        let mut remembered = SignIns::default();
        sign_ins.iter().for_each(|sign_in| remembered.remember(sign_in));
        remembered
    }

    #[test]
    fn the_first_login_is_never_suspicious() {
        assert_eq!(SignIns::default().assess(&at(0, "laptop", lisbon()), &SecurityEventKind::default_step_up()), Assessment::default());
    }

    #[test]
    fn the_same_device_in_the_same_country_is_not_suspicious() {
        let remembered = after(&[at(0, "laptop", lisbon())]);

        assert_eq!(remembered.assess(&at(1, "laptop", lisbon()), &SecurityEventKind::default_step_up()), Assessment::default());
    }

    #[test]
    fn a_new_device_is_told_and_asks_for_a_step_up_where_the_policy_says_so() {
        let remembered = after(&[at(0, "laptop", None)]);
        let phone = at(1, "phone", None);

        let by_default = remembered.assess(&phone, &SecurityEventKind::default_step_up());
        let strict = remembered.assess(&phone, &BTreeSet::from([SecurityEventKind::NewDevice]));

        assert_eq!((kinds(&by_default), by_default.step_up), (vec![SecurityEventKind::NewDevice], false));
        assert!(strict.step_up && strict.suspicions[0].step_up);
    }

    #[test]
    fn a_new_country_is_told_after_a_slow_journey_and_impossible_travel_after_a_fast_one() {
        let remembered = after(&[at(0, "laptop", lisbon())]);

        let slow = remembered.assess(&at(12 * 60, "laptop", new_york()), &BTreeSet::new());
        let fast = remembered.assess(&at(30, "laptop", new_york()), &BTreeSet::new());

        assert_eq!(kinds(&slow), [SecurityEventKind::NewCountry]);
        assert_eq!(kinds(&fast), [SecurityEventKind::NewCountry, SecurityEventKind::ImpossibleTravel]);
        assert_eq!(fast.suspicions[1].details["from"], "PT");
    }

    #[test]
    fn impossible_travel_is_found_between_known_countries_too() {
        let remembered = after(&[at(0, "laptop", new_york()), at(600, "laptop", lisbon())]);

        assert_eq!(kinds(&remembered.assess(&at(610, "laptop", new_york()), &BTreeSet::new())), [SecurityEventKind::ImpossibleTravel]);
    }

    #[test]
    fn places_that_are_known_badly_are_not_far_apart() {
        let vague = |country: &str, degrees| Some(Place::at(country, degrees, 1000));
        let remembered = after(&[at(0, "laptop", vague("DE", (51.0, 9.0)))]);

        assert_eq!(kinds(&remembered.assess(&at(1, "laptop", vague("DE", (41.0, 12.0))), &BTreeSet::new())), []);
    }

    #[test]
    fn without_a_place_nothing_is_said_of_countries() {
        let remembered = after(&[at(0, "laptop", lisbon())]);

        assert_eq!(kinds(&remembered.assess(&at(1, "laptop", None), &BTreeSet::new())), []);
    }

    #[test]
    fn when_the_database_comes_later_the_first_country_is_learned_silently() {
        let remembered = after(&[at(0, "laptop", None)]);

        assert_eq!(kinds(&remembered.assess(&at(1, "laptop", lisbon()), &BTreeSet::new())), []);
    }

    #[test]
    fn what_is_remembered_stays_small_and_forgets_what_was_not_seen_for_longest() {
        let many: Vec<SignIn> = (0..30).map(|number| at(number, &format!("device {number}"), None)).collect();
        let remembered = after(&many);

        assert_eq!(remembered.devices.len(), REMEMBERED);
        assert!(remembered.assess(&at(40, "device 29", None), &BTreeSet::new()).suspicions.is_empty());
        assert_eq!(kinds(&remembered.assess(&at(40, "device 3", None), &BTreeSet::new())), [SecurityEventKind::NewDevice]);
        assert!(serde_json::to_string(&remembered).unwrap().len() < 1500);
    }
}
