use crate::Value;
use crate::expression::Names;

/// What must hold of the stored item for a write to happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Nothing in particular.
    Always,
    /// There is no such item.
    Absent,
    /// There is such an item.
    Present,
    /// The attribute has this value.
    Equals(&'static str, Value),
    /// The attribute has another value, or none.
    Differs(&'static str, Value),
    /// The attribute is a smaller number, or an earlier text.
    Below(&'static str, Value),
    /// The attribute is not there.
    Without(&'static str),
    /// The attribute is there.
    Has(&'static str),
    /// All of these hold.
    All(Vec<Condition>),
    /// One of these holds.
    Any(Vec<Condition>),
}

impl Condition {
    /// The item's `version` is this one.
    #[must_use]
    pub fn version(version: u64) -> Self {
        Self::Equals("version", crate::number(version))
    }

    /// Writes the condition as a DynamoDB expression.
    pub(crate) fn render(self, names: &mut Names) -> Option<String> {
        Some(match self {
            Self::Always => return None,
            Self::Absent => format!("attribute_not_exists({})", names.name("pk")),
            Self::Present => format!("attribute_exists({})", names.name("pk")),
            Self::Equals(attribute, value) => format!("{} = {}", names.name(attribute), names.value(value)),
            Self::Differs(attribute, value) => format!("{} <> {}", names.name(attribute), names.value(value)),
            Self::Below(attribute, value) => format!("{} < {}", names.name(attribute), names.value(value)),
            Self::Without(attribute) => format!("attribute_not_exists({})", names.name(attribute)),
            Self::Has(attribute) => format!("attribute_exists({})", names.name(attribute)),
            Self::All(several) => join(several, " AND ", names)?,
            Self::Any(several) => join(several, " OR ", names)?,
        })
    }
}

fn join(several: Vec<Condition>, word: &str, names: &mut Names) -> Option<String> {
    let parts: Vec<String> = several.into_iter().filter_map(|condition| condition.render(names)).collect();
    (!parts.is_empty()).then(|| format!("({})", parts.join(word)))
}
