//! Writes small MaxMind databases for tests, as <https://maxmind.github.io/MaxMind-DB/> describes the format (version 2.0).

use std::net::IpAddr;

use serde_json::{Map, Value, json};

/// What separates the search tree from the data.
const SEPARATOR: [u8; 16] = [0; 16];
/// What the metadata start with.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// The bits of a record: the simplest of the three sizes.
const RECORD_BITS: u32 = 32;

/// The members of a place that are `uint16` in the databases of MaxMind; their readers are strict about it.
const SHORT: [&str; 2] = ["accuracy_radius", "metro_code"];

/// Where a branch of the search tree leads.
#[derive(Debug, Clone, Copy)]
enum Branch {
    Nowhere,
    Node(usize),
    Data(usize),
}

/// A database that is being written: networks, and what is known of them.
#[derive(Debug, Clone)]
pub struct Database {
    kind: String,
    nodes: Vec<[Branch; 2]>,
    data: Vec<u8>,
}

impl Database {
    /// Makes an empty database whose type has this name, such as `Test-City`.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), nodes: vec![[Branch::Nowhere; 2]], data: Vec::new() }
    }

    /// Says what is known of a network, such as `2.125.160.0/20`; networks must not hold each other.
    ///
    /// Integers become `uint32`, but for those of which MaxMind says `uint16`; other numbers become `double`.
    pub fn insert(&mut self, network: &str, known: Value) {
        let (address, length) = network.split_once('/').expect("an address and a length");
        let length: usize = length.parse().expect("a length");
        // In a tree of IPv6, the addresses of IPv4 are those of ::/96.
        let (bits, length) = match address.parse::<IpAddr>().expect("an address") {
            IpAddr::V4(ip) => (u128::from(ip.to_bits()), length + 96),
            IpAddr::V6(ip) => (ip.to_bits(), length),
        };
        let offset = self.data.len();
        write(&known, &mut self.data);
        let mut node = 0;
        for place in 0..length {
            let side = usize::from((bits >> (127 - place)) & 1 == 1);
            if place + 1 == length {
                self.nodes[node][side] = Branch::Data(offset);
                return;
            }
            node = match self.nodes[node][side] {
                Branch::Node(next) => next,
                Branch::Nowhere => {
                    self.nodes.push([Branch::Nowhere; 2]);
                    self.nodes[node][side] = Branch::Node(self.nodes.len() - 1);
                    self.nodes.len() - 1
                }
                Branch::Data(_) => panic!("{network} lies in another network"),
            };
        }
    }

    /// Gives the database's bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len();
        let mut bytes = Vec::new();
        for branch in self.nodes.iter().flatten() {
            let value = match branch {
                Branch::Node(node) => *node,
                Branch::Nowhere => count,
                Branch::Data(offset) => count + SEPARATOR.len() + offset,
            };
            bytes.extend(u32::try_from(value).expect("a small database").to_be_bytes());
        }
        bytes.extend(SEPARATOR);
        bytes.extend(&self.data);
        bytes.extend(MARKER);
        self.write_metadata(&mut bytes);
        bytes
    }

    fn write_metadata(&self, bytes: &mut Vec<u8>) {
        let numbers = [
            ("node_count", u64::try_from(self.nodes.len()).expect("a small database"), Kind::Uint32),
            ("record_size", u64::from(RECORD_BITS), Kind::Uint16),
            ("ip_version", 6, Kind::Uint16),
            ("binary_format_major_version", 2, Kind::Uint16),
            ("binary_format_minor_version", 0, Kind::Uint16),
            ("build_epoch", 1_700_000_000, Kind::Uint64),
        ];
        control(Kind::Map, numbers.len() + 3, bytes);
        for (name, value, kind) in numbers {
            write(&json!(name), bytes);
            unsigned(value, kind, bytes);
        }
        for (name, value) in [("database_type", json!(self.kind)), ("languages", json!(["en"])), ("description", json!({ "en": "A test" }))]
        {
            write(&json!(name), bytes);
            write(&value, bytes);
        }
    }
}

/// The types of the data section, by their numbers.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text = 2,
    Double = 3,
    Uint16 = 5,
    Uint32 = 6,
    Map = 7,
    Uint64 = 9,
    Array = 11,
    Boolean = 14,
}

/// Writes the control byte of a value, with the bytes that a longer size or a higher type needs.
fn control(kind: Kind, size: usize, bytes: &mut Vec<u8>) {
    let number = kind as u8;
    let (in_control, further): (u8, Vec<u8>) = match size {
        0..29 => (u8::try_from(size).expect("small"), Vec::new()),
        29..285 => (29, vec![u8::try_from(size - 29).expect("a byte")]),
        _ => (30, u16::try_from(size - 285).expect("two bytes").to_be_bytes().to_vec()),
    };
    if number <= 7 {
        bytes.push((number << 5) | in_control);
    } else {
        bytes.extend([in_control, number - 7]);
    }
    bytes.extend(further);
}

/// Writes a number without its leading zero bytes.
fn unsigned(value: u64, kind: Kind, bytes: &mut Vec<u8>) {
    let all = value.to_be_bytes();
    let significant = &all[all.iter().position(|byte| *byte != 0).unwrap_or(all.len())..];
    control(kind, significant.len(), bytes);
    bytes.extend(significant);
}

fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            control(Kind::Text, text.len(), bytes);
            bytes.extend(text.as_bytes());
        }
        Value::Number(number) => match number.as_u64() {
            Some(number) => unsigned(number, Kind::Uint32, bytes),
            None => {
                control(Kind::Double, 8, bytes);
                bytes.extend(number.as_f64().expect("a number").to_be_bytes());
            }
        },
        Value::Bool(is) => control(Kind::Boolean, usize::from(*is), bytes),
        Value::Array(values) => {
            control(Kind::Array, values.len(), bytes);
            values.iter().for_each(|value| write(value, bytes));
        }
        Value::Object(members) => write_map(members, bytes),
        Value::Null => panic!("the format has no null"),
    }
}

fn write_map(members: &Map<String, Value>, bytes: &mut Vec<u8>) {
    control(Kind::Map, members.len(), bytes);
    for (name, value) in members {
        write(&json!(name), bytes);
        match value.as_u64() {
            // Readers are strict about types.
            Some(number) if SHORT.contains(&name.as_str()) => unsigned(number, Kind::Uint16, bytes),
            _ => write(value, bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the specification's section on data types: a text of 29 bytes and more, a boolean, a map.
    #[test]
    fn control_bytes_are_those_of_the_specification() {
        let written = |value: Value| {
            let mut bytes = Vec::new();
            write(&value, &mut bytes);
            bytes
        };

        assert_eq!(written(json!("en")), b"\x42en");
        assert_eq!(written(json!("x".repeat(29)))[..2], [0b0101_1101, 0]);
        assert_eq!(written(json!("x".repeat(500)))[..3], [0b0101_1110, 0, 215]);
        assert_eq!(written(json!(true)), [1, 7]);
        assert_eq!(written(json!({ "a": 300 })), b"\xe1\x41a\xc2\x01\x2c");
        assert_eq!(written(json!([])), [0, 4]);
    }
}
