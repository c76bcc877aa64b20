//! Ranges of internet addresses in CIDR notation: from where an organization or a key may be used.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A range of addresses, such as `192.0.2.0/24` or `2001:db8::/32` (RFC 4632, RFC 4291); a single address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpRange {
    first: IpAddr,
    prefix: u8,
}

/// Says why a text is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address range is written in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32, with nothing but zeros behind the prefix")]
pub struct ParseIpRangeError;

impl IpRange {
    /// Tells whether an address lies in the range.
    ///
    /// An IPv4 address that came mapped into IPv6 (RFC 4291 section 2.5.5.2) counts as the IPv4 address that it is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (address, first) = (address.to_canonical(), self.first);
        match (first, address) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => masked(address, self.prefix) == first,
            _ => false,
        }
    }

    /// Tells whether some ranges let an address in: no ranges at all are no restriction, and without an address nobody is inside any.
    #[must_use]
    pub fn any_contains(ranges: &[Self], address: Option<IpAddr>) -> bool {
        ranges.is_empty() || address.is_some_and(|address| ranges.iter().any(|range| range.contains(address)))
    }
}

/// Clears the bits of an address behind the prefix.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or_default();
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
        }
    }
}

impl FromStr for IpRange {
    type Err = ParseIpRangeError;

    fn from_str(text: &str) -> Result<Self, ParseIpRangeError> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let first: IpAddr = address.parse().map_err(|_| ParseIpRangeError)?;
        let longest = if first.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            // Numbers as people write them: `+8` and `08` are none.
            Some(digits) if digits.len() > 1 && !digits.starts_with(|first: char| ('1'..='9').contains(&first)) => {
                return Err(ParseIpRangeError);
            }
            Some(digits) => digits.parse().map_err(|_| ParseIpRangeError)?,
        };
        let is_range = prefix <= longest && masked(first, prefix) == first && first.to_canonical() == first;
        if is_range { Ok(Self { first, prefix }) } else { Err(ParseIpRangeError) }
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.first, self.prefix)
    }
}

impl Serialize for IpRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IpRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(text: &str) -> IpRange {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_holds_its_addresses_and_no_others() {
        for (text, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::2"),
            ("198.51.100.0/23", "198.51.101.9", "198.51.102.0"),
        ] {
            assert!(range(text).contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!range(text).contains(outside.parse().unwrap()), "{text} {outside}");
        }
    }

    #[test]
    fn the_widest_ranges_hold_all_of_their_family_only() {
        assert!(range("0.0.0.0/0").contains("203.0.113.9".parse().unwrap()));
        assert!(range("::/0").contains("2001:db8::1".parse().unwrap()));
        assert!(!range("0.0.0.0/0").contains("2001:db8::1".parse().unwrap()));
        assert!(!range("::/0").contains("203.0.113.9".parse().unwrap()));
    }

    #[test]
    fn an_address_that_is_mapped_into_ipv6_is_the_ipv4_address() {
        assert!(range("192.0.2.0/24").contains("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!range("::/0").contains("::ffff:192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "192.0.2.0/33",
            "192.0.2.1/24",
            "2001:db8::/129",
            "192.0.2.0/",
            "192.0.2.0/+8",
            "192.0.2.0/024",
            "bells",
            "192.0.2/24",
            "::ffff:192.0.2.0/120",
        ] {
            assert!(text.parse::<IpRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_ranges_let_everybody_in_and_some_let_nobody_in_without_an_address() {
        assert!(IpRange::any_contains(&[], None));
        assert!(!IpRange::any_contains(&[range("0.0.0.0/0")], None));
    }

    #[test]
    fn a_range_reads_back_from_its_text() {
        for text in ["192.0.2.0/24", "2001:db8::/32", "192.0.2.7/32"] {
            assert_eq!(range(text).to_string(), text);
        }
        assert_eq!(range("192.0.2.7").to_string(), "192.0.2.7/32");
    }

    fn any_range() -> impl Strategy<Value = IpRange> {
        let four = (any::<u32>(), 0_u8..=32).prop_map(|(bits, prefix)| (IpAddr::V4(bits.into()), prefix));
        let six = (any::<u128>(), 0_u8..=128).prop_map(|(bits, prefix)| (IpAddr::V6(bits.into()), prefix));
        // What is mapped into IPv6 is no IPv6 address of its own.
        let range = |(address, prefix)| IpRange { first: masked(address, prefix), prefix };
        prop_oneof![four, six].prop_map(range).prop_filter("mapped", |range| range.first.to_canonical() == range.first)
    }

    proptest! {
        #[test]
        fn every_range_reads_back_from_its_text(range in any_range()) {
            prop_assert_eq!(range.to_string().parse(), Ok(range));
        }

        #[test]
        fn an_address_is_in_a_range_when_their_first_bits_are_the_same(range in any_range(), bits in any::<u128>(), stays in 0_u32..=128) {
            // An address that has at least the first `stays` bits of the range's.
            let (first, width) = match range.first {
                IpAddr::V4(first) => (u128::from(u32::from(first)) << 96, 32),
                IpAddr::V6(first) => (u128::from(first), 128),
            };
            let others = u128::MAX.checked_shr(stays).unwrap_or_default();
            let mixed = (first & !others) | (bits & others);
            let address = match range.first {
                IpAddr::V4(_) => IpAddr::V4(u32::try_from(mixed >> 96).unwrap().into()),
                IpAddr::V6(_) => IpAddr::V6(mixed.into()),
            };
            prop_assume!(address.to_canonical() == address);

            let common = (first ^ mixed).leading_zeros().min(width);

            prop_assert_eq!(range.contains(address), common >= u32::from(range.prefix));
        }

        #[test]
        fn a_text_is_refused_or_means_what_it_says(text in "[0-9a-f:./]{0,24}") {
            if let Ok(range) = text.parse::<IpRange>() {
                prop_assert!(range.contains(range.first));
                prop_assert_eq!(range.to_string().parse(), Ok(range));
            }
        }
    }
}
