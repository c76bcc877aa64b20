//! Evaluates the slots of one recipient.

use std::borrow::Cow;
use std::io;

use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value};

use crate::compile::{Piece, Program, Slot};
use crate::context::Context;
use crate::error::RenderError;
use crate::escape::{self, Place};
use crate::limits::{FILTER_BYTES, FUEL, SLOT_BYTES};
use crate::syntax;

const RECURSION: usize = 50;

/// The slots of a message, ready to be evaluated for many recipients.
#[derive(Debug)]
pub(crate) struct Engine {
    environment: Environment<'static>,
    slots: Vec<(Slot, String)>,
}

impl Engine {
    /// Loads compiled slots.
    pub fn load(slots: &[Slot]) -> Result<Self, RenderError> {
        let mut environment = environment();
        let mut named = Vec::with_capacity(slots.len());
        for (number, slot) in slots.iter().enumerate() {
            let name = format!("{number}.{}", slot.place.extension());
            if let Program::Template { source, .. } = &slot.program {
                environment.add_template_owned(name.clone(), source.clone()).map_err(|_| failed(source))?;
            }
            named.push((slot.clone(), name));
        }
        Ok(Self { environment, slots: named })
    }

    /// Gives the value of every slot, escaped for its place.
    pub fn values(&self, context: &Context) -> Result<Vec<String>, RenderError> {
        let mut left = SLOT_BYTES;
        let mut values = Vec::with_capacity(self.slots.len());
        for (slot, name) in &self.slots {
            let value = match &slot.program {
                Program::Field(field) => direct(context, slot.place, (field, None))?,
                Program::FieldOr(field, other) => direct(context, slot.place, (field, Some(other)))?,
                Program::Template { source, requires } => {
                    let attempt = self.evaluate(name, context, left);
                    attempt.map_err(|error| explain(&error, context, (source, requires)))?
                }
            };
            left = left.checked_sub(value.len()).ok_or(RenderError::TooLarge)?;
            values.push(slot.place.finish(value));
        }
        Ok(values)
    }

    fn evaluate(&self, name: &str, context: &Context, limit: usize) -> Result<String, Error> {
        let mut output = Bounded { bytes: Vec::new(), limit };
        self.environment.get_template(name)?.render_captured_to(context.root(), &mut output)?;
        String::from_utf8(output.bytes).map_err(|_| Error::from(ErrorKind::WriteFailure))
    }
}

fn direct(context: &Context, place: Place, (field, other): (&str, Option<&String>)) -> Result<String, RenderError> {
    let mut written = String::new();
    match (context.find(field), other) {
        (Some(value), _) => escape::write(&mut written, value, place),
        (None, Some(other)) if place == Place::Html => escape::push_html(&mut written, other),
        (None, Some(other)) => written.push_str(other),
        (None, None) => return Err(RenderError::Missing { variable: field.to_owned() }),
    }
    Ok(written)
}

fn explain(error: &Error, context: &Context, (source, requires): (&str, &[String])) -> RenderError {
    let missing = requires.iter().find(|name| context.find(name).is_none());
    match (error.kind(), missing) {
        (ErrorKind::OutOfFuel, _) => RenderError::Exhausted { expression: beginning(source) },
        (ErrorKind::WriteFailure, _) => RenderError::TooLarge,
        (_, Some(name)) => RenderError::Missing { variable: name.clone() },
        _ => failed(source),
    }
}

fn failed(source: &str) -> RenderError {
    RenderError::Failed { expression: beginning(source) }
}

fn beginning(source: &str) -> String {
    source.chars().take(80).collect()
}

/// Gives the environment of all templates: no loader, strict about absence, bounded in steps.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_syntax(syntax::config());
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    ["range", "dict", "debug", "namespace"].into_iter().for_each(|name| environment.remove_global(name));
    environment.set_formatter(|output, state, value| {
        let mut written = String::new();
        escape::write(&mut written, value, place_of(state));
        output.write_str(&written).map_err(Error::from)
    });
    environment.add_filter("escape", escaped);
    environment.add_filter("e", escaped);
    environment.add_filter("replace", replace);
    environment.add_filter("join", join);
    environment
}

fn place_of(state: &State<'_, '_>) -> Place {
    match state.auto_escape() {
        AutoEscape::Html => Place::Html,
        _ => Place::Text,
    }
}

fn escaped(value: &Value) -> Value {
    let mut written = String::new();
    escape::write(&mut written, value, Place::Html);
    Value::from_safe_string(written)
}

/// Replaces, as MiniJinja's filter does, up to a limit.
fn replace(value: Cow<'_, str>, from: Cow<'_, str>, to: Cow<'_, str>) -> Result<String, Error> {
    let length = value.len() + value.matches(from.as_ref()).count() * to.len();
    match length > FILTER_BYTES {
        true => Err(too_long()),
        false => Ok(value.replace(from.as_ref(), &to)),
    }
}

/// Joins a list, as MiniJinja's filter does, up to a limit.
fn join(values: &Value, separator: Option<Cow<'_, str>>) -> Result<String, Error> {
    let separator = separator.unwrap_or_default();
    let mut joined = String::new();
    for (number, value) in values.try_iter()?.enumerate() {
        if number > 0 {
            joined.push_str(&separator);
        }
        escape::write(&mut joined, &value, Place::Text);
        if joined.len() > FILTER_BYTES {
            return Err(too_long());
        }
    }
    Ok(joined)
}

fn too_long() -> Error {
    Error::new(ErrorKind::WriteFailure, "too long")
}

struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts pieces and slot values together, up to `limit` bytes, which it lowers by what was written.
pub(crate) fn assemble(pieces: &[Piece], values: &[String], limit: &mut usize) -> Result<String, RenderError> {
    let mut text = String::new();
    for piece in pieces {
        let part = match piece {
            Piece::Static(part) => part,
            Piece::Slot(number) => values.get(*number).ok_or_else(|| failed("a slot that was not compiled"))?,
        };
        *limit = limit.checked_sub(part.len()).ok_or(RenderError::TooLarge)?;
        text.push_str(part);
    }
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::compile::{Compiler, read};
    use crate::context::Fields;

    fn render(source: &str, place: Place, context: &Context) -> Result<String, RenderError> {
        let mut compiler = Compiler::default();
        let pieces = compiler.compile(&read(source).map_err(|faults| faults.join("; ")).unwrap(), place).unwrap();
        let values = Engine::load(&compiler.finish())?.values(context)?;
        assemble(&pieces, &values, &mut usize::MAX.clone())
    }

    fn ada() -> Context {
        let fields = [("first_name", Value::from("Ada <b>")), ("age", Value::from(36)), ("city", Value::from(()))];
        let fields: Fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Context::new(fields).with_organization("Böll & Co").with_unsubscribe_url("https://u/?a=1&b=2")
    }

    #[test]
    fn values_are_escaped_for_their_place() {
        let source = "{{ first_name }}, {{ contact.age }}, {{ organization.name }}, {{ unsubscribe_url }}";

        let html = render(source, Place::Html, &ada()).unwrap();
        let text = render(source, Place::Text, &ada()).unwrap();

        assert_eq!(html, "Ada &lt;b&gt;, 36, Böll &amp; Co, https://u/?a=1&amp;b=2");
        assert_eq!(text, "Ada <b>, 36, Böll & Co, https://u/?a=1&b=2");
    }

    #[test]
    fn the_missing_variable_is_named_and_a_null_is_missing() {
        let missing = |name: &str| Err(RenderError::Missing { variable: name.to_owned() });

        assert_eq!(render("{{ city }}", Place::Text, &ada()), missing("city"));
        assert_eq!(render("{{ first_name ~ contact.nickname }}", Place::Text, &ada()), missing("nickname"));
        assert_eq!(render("{% for x in orders %}{{ x }}{% endfor %}", Place::Text, &ada()), missing("orders"));
        assert_eq!(render("{{ city|default('?') }}{{ city or '!' }}{% if not city %}-{% endif %}", Place::Text, &ada()).unwrap(), "?!-");
    }

    #[test]
    fn a_failing_expression_is_shown_and_no_value_is() {
        let error = render("{{ first_name|int + 1 }}", Place::Text, &ada()).unwrap_err();

        assert_eq!(error, RenderError::Failed { expression: "{{ first_name|int + 1 }}".to_owned() });
        assert!(!error.to_string().contains("Ada"));
    }

    #[test]
    fn steps_and_output_are_bounded() {
        let many: Vec<Value> = (0..3_000).map(Value::from).collect();
        let context = Context::new(Fields::from([("items".to_owned(), Value::from(many))]));
        let nested = "{% for a in items %}{% for b in items %}{% endfor %}{% endfor %}";
        let wide = format!("{{% for a in items %}}{}{{% endfor %}}", "x".repeat(1_000));
        let replaced = "{{ items|join('aa')|replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') }}";

        assert!(matches!(render(nested, Place::Text, &context), Err(RenderError::Exhausted { .. })));
        assert_eq!(render(&wide, Place::Text, &context), Err(RenderError::TooLarge));
        assert_eq!(render(replaced, Place::Text, &context), Err(RenderError::TooLarge));
    }

    #[test]
    fn settings_reach_the_slots_after_them() {
        let source = "{% set who = first_name|upper %}Hi {{ who }}{% if age > 18 %} you{% set who = 'adult' %}{% endif %} {{ who }}";

        assert_eq!(render(source, Place::Text, &ada()).unwrap(), "Hi ADA <B> you adult");
    }
}
