//! Where an address is, as a MaxMind database says: <https://maxmind.github.io/MaxMind-DB/>.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use carillon_kernel::Setup;
use maxminddb::{Reader, geoip2};
use serde::{Deserialize, Serialize};

const EARTH_RADIUS_KM: f64 = 6371.0;

/// A place: a country, and where in it, as far as the database knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The country's code (ISO 3166-1 alpha-2).
    pub country: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spot: Option<Spot>,
}

/// A circle on the earth, in thousandths of degrees and in kilometres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Spot {
    latitude_milli: i32,
    longitude_milli: i32,
    radius_km: u16,
}

/// Whether a check is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum CheckStatus {
    /// It is.
    On,
    /// It is not.
    Off {
        /// What is missing.
        reason: &'static str,
    },
}

/// A GeoIP database, or the reason why there is none. Clones share it.
#[derive(Clone)]
pub struct GeoIp {
    reader: Option<Arc<Reader<Vec<u8>>>>,
    countries: CheckStatus,
    spots: CheckStatus,
}

impl Place {
    /// A place at these degrees of latitude and longitude, known to so many kilometres.
    #[must_use]
    pub fn at(country: &str, (latitude, longitude): (f64, f64), radius_km: u16) -> Self {
        let milli = |degrees: f64| (degrees * 1000.0).round() as i32;
        Self {
            country: country.to_owned(),
            spot: Some(Spot { latitude_milli: milli(latitude), longitude_milli: milli(longitude), radius_km }),
        }
    }

    /// A place of which only the country is known.
    #[must_use]
    pub fn in_country(country: &str) -> Self {
        Self { country: country.to_owned(), spot: None }
    }

    /// How far the two places are apart at least, by the haversine formula; nothing where one of them is not known.
    #[must_use]
    pub fn at_least_km_from(&self, other: &Self) -> Option<f64> {
        let (one, two) = (self.spot?, other.spot?);
        let radians = |milli: i32| f64::from(milli) / 1000.0 * std::f64::consts::PI / 180.0;
        let (latitude, other_latitude) = (radians(one.latitude_milli), radians(two.latitude_milli));
        let half = |from: i32, to: i32| ((radians(to) - radians(from)) / 2.0).sin().powi(2);
        let root = half(one.latitude_milli, two.latitude_milli)
            + latitude.cos() * other_latitude.cos() * half(one.longitude_milli, two.longitude_milli);
        let distance = 2.0 * EARTH_RADIUS_KM * root.clamp(0.0, 1.0).sqrt().asin();
        Some((distance - f64::from(one.radius_km) - f64::from(two.radius_km)).max(0.0))
    }
}

impl GeoIp {
    /// Opens the database that the setting `GEOIP_DATABASE` names, if it names one.
    ///
    /// One that cannot be read is as good as none: people sign in all the same, and the checks say why they are off.
    #[must_use]
    pub fn from_setup(setup: &Setup) -> Self {
        let Some(path) = setup.find("GEOIP_DATABASE") else { return Self::off("no GeoIP database is configured (GEOIP_DATABASE)") };
        setup.shared(&path, || match Reader::open_readfile(&path) {
            Ok(reader) => Self::open(reader),
            Err(_) => Self::off("the GeoIP database cannot be read"),
        })
    }

    fn off(reason: &'static str) -> Self {
        Self { reader: None, countries: CheckStatus::Off { reason }, spots: CheckStatus::Off { reason } }
    }

    fn open(reader: Reader<Vec<u8>>) -> Self {
        let kind = reader.metadata().database_type.clone();
        let has_spots = ["City", "Enterprise", "Insights"].iter().any(|word| kind.contains(word));
        if !has_spots && !kind.contains("Country") {
            return Self::off("the GeoIP database knows neither countries nor places");
        }
        let reason = "the GeoIP database knows countries only";
        let spots = if has_spots { CheckStatus::On } else { CheckStatus::Off { reason } };
        Self { reader: Some(Arc::new(reader)), countries: CheckStatus::On, spots }
    }

    /// Whether countries are known.
    #[must_use]
    pub const fn countries(&self) -> CheckStatus {
        self.countries
    }

    /// Whether places within countries are known.
    #[must_use]
    pub const fn spots(&self) -> CheckStatus {
        self.spots
    }

    /// Finds where an address is.
    #[must_use]
    pub fn find(&self, ip: IpAddr) -> Option<Place> {
        let found = self.reader.as_ref()?.lookup(ip.to_canonical()).ok()?.decode::<geoip2::City<'_>>().ok()??;
        let place = Place::in_country(found.country.iso_code?);
        let location = found.location;
        Some(match (location.latitude, location.longitude) {
            (Some(latitude), Some(longitude)) => {
                Place::at(&place.country, (latitude, longitude), location.accuracy_radius.unwrap_or_default())
            }
            _ => place,
        })
    }
}

impl fmt::Debug for GeoIp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GeoIp").field("countries", &self.countries).field("spots", &self.spots).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use carillon_kernel::{Clock, IdSource};
    use carillon_testkit::mmdb::Database;
    use serde_json::json;

    use super::*;

    fn geo_ip(path: Option<&std::path::Path>) -> GeoIp {
        let settings = path.map(|path| ("GEOIP_DATABASE".to_owned(), path.display().to_string()));
        GeoIp::from_setup(&Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings.into_iter().collect::<BTreeMap<_, _>>()))
    }

    fn written(kind: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let mut database = Database::new(kind);
        database.insert(
            "2.125.160.0/20",
            json!({ "country": { "iso_code": "GB" }, "location": { "latitude": 51.75, "longitude": -1.25, "accuracy_radius": 100 } }),
        );
        database.insert("2001:218::/32", json!({ "country": { "iso_code": "JP" } }));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.mmdb");
        std::fs::write(&path, database.bytes()).unwrap();
        (folder, path)
    }

    #[test]
    fn an_address_is_found_with_its_country_and_its_spot() {
        let (_folder, path) = written("Test-City");
        let geo_ip = geo_ip(Some(&path));

        assert_eq!(geo_ip.find("2.125.160.216".parse().unwrap()), Some(Place::at("GB", (51.75, -1.25), 100)));
        assert_eq!(geo_ip.find("::ffff:2.125.160.216".parse().unwrap()), Some(Place::at("GB", (51.75, -1.25), 100)));
        assert_eq!(geo_ip.find("2001:218::1".parse().unwrap()), Some(Place::in_country("JP")));
        assert_eq!(geo_ip.find("192.0.2.1".parse().unwrap()), None);
        assert_eq!((geo_ip.countries(), geo_ip.spots()), (CheckStatus::On, CheckStatus::On));
    }

    #[test]
    fn without_a_database_the_checks_say_that_they_are_off() {
        let absent = geo_ip(None);

        assert_eq!(absent.find("2.125.160.216".parse().unwrap()), None);
        assert!(matches!(absent.countries(), CheckStatus::Off { reason } if reason.contains("GEOIP_DATABASE")));
        assert!(matches!(geo_ip(Some(std::path::Path::new("/nowhere.mmdb"))).countries(), CheckStatus::Off { .. }));
    }

    #[test]
    fn a_database_of_countries_leaves_the_check_of_travel_off() {
        let (_folder, path) = written("Test-Country");
        let geo_ip = geo_ip(Some(&path));

        assert_eq!(geo_ip.countries(), CheckStatus::On);
        assert!(matches!(geo_ip.spots(), CheckStatus::Off { .. }));
    }

    /// The distance between Paris and New York is 5837 km.
    #[test]
    fn distances_are_those_of_the_globe() {
        let (paris, new_york) = (Place::at("FR", (48.857, 2.352), 0), Place::at("US", (40.713, -74.006), 0));

        let distance = paris.at_least_km_from(&new_york).unwrap();

        assert!((5820.0..5850.0).contains(&distance), "{distance}");
        assert_eq!(paris.at_least_km_from(&paris), Some(0.0));
        assert_eq!(paris.at_least_km_from(&Place::in_country("US")), None);
    }
}
