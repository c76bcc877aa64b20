//! A compiled mail: what SES gets once for many recipients, and what it gets for each.
//!
//! SES's templates are Handlebars. What an author wrote must come through it unchanged, so static text carries braces and
//! backslashes only where Handlebars cannot read anything into them; elsewhere three constants of the default data stand
//! for them (Handlebars' own escape, a backslash, is not documented by SES). Slots are unescaped (`{{{s0}}}`), because
//! they are escaped here; SES does not escape at all, says its guide ("Advanced email personalization").

use serde::{Deserialize, Serialize, Serializer};

use crate::compile::{Piece, Slot};
use crate::context::Context;
use crate::error::RenderError;
use crate::limits::MESSAGE_BYTES;
use crate::render::{Engine, assemble};

/// A mail cut into static text and slots; it can be stored with a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledEmail {
    /// The subject line.
    pub subject: Vec<Piece>,
    /// The HTML part, the preheader included.
    pub html: Vec<Piece>,
    /// The plain-text part.
    pub text: Vec<Piece>,
    pub(crate) slots: Vec<Slot>,
}

/// The default content and default data of a bulk request to SES.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SesTemplate {
    /// The subject, in Handlebars.
    pub subject: String,
    /// The HTML part, in Handlebars.
    pub html: String,
    /// The plain-text part, in Handlebars.
    pub text: String,
    /// The default template data, a JSON object: what stands for braces and backslashes.
    pub data: &'static str,
}

/// A mail as one recipient gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenderedEmail {
    /// The subject, one line.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The plain-text part.
    pub text: String,
}

impl CompiledEmail {
    /// Gives the mail as SES's template.
    #[must_use]
    pub fn ses_template(&self) -> SesTemplate {
        SesTemplate {
            subject: handlebars(&self.subject),
            html: handlebars(&self.html),
            text: handlebars(&self.text),
            data: r#"{"l":"{","r":"}","b":"\\"}"#,
        }
    }

    fn parts(&self) -> [&[Piece]; 3] {
        [&self.subject, &self.html, &self.text]
    }
}

/// Writes slot values as SES's replacement data: a JSON object `{"s0":"…","s1":"…"}`.
#[must_use]
pub fn template_data(values: &[String]) -> String {
    // A map of texts always has a JSON form.
    serde_json::to_string(&Data(values)).unwrap_or_default()
}

struct Data<'values>(&'values [String]);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().enumerate().map(|(number, value)| (format!("s{number}"), value)))
    }
}

/// Renders a compiled mail for one recipient after the other.
#[derive(Debug)]
pub struct EmailRenderer {
    compiled: CompiledEmail,
    engine: Engine,
    static_bytes: usize,
    /// How often each slot is used.
    uses: Vec<usize>,
}

impl EmailRenderer {
    /// Loads a compiled mail.
    ///
    /// # Errors
    /// [`RenderError::Failed`] when what was stored is no longer readable.
    pub fn new(compiled: CompiledEmail) -> Result<Self, RenderError> {
        let mut uses = vec![0; compiled.slots.len()];
        let mut static_bytes = 0;
        for piece in compiled.parts().into_iter().flatten() {
            match piece {
                Piece::Static(text) => static_bytes += text.len(),
                Piece::Slot(number) => uses.get_mut(*number).into_iter().for_each(|count| *count += 1),
            }
        }
        let engine = Engine::load(&compiled.slots)?;
        Ok(Self { compiled, engine, static_bytes, uses })
    }

    /// Gives what was compiled.
    #[must_use]
    pub fn compiled(&self) -> &CompiledEmail {
        &self.compiled
    }

    /// Evaluates the slots for one recipient: the values of [`template_data`], escaped for their places.
    ///
    /// # Errors
    /// [`RenderError`] when a variable is missing, an expression fails, or the mail becomes larger than [`MESSAGE_BYTES`].
    pub fn render_slots(&self, context: &Context) -> Result<Vec<String>, RenderError> {
        let values = self.engine.values(context)?;
        let bytes: usize = values.iter().zip(&self.uses).map(|(value, uses)| value.len() * uses).sum();
        match self.static_bytes + bytes > MESSAGE_BYTES {
            true => Err(RenderError::TooLarge),
            false => Ok(values),
        }
    }

    /// Renders the whole mail, as SES would from [`CompiledEmail::ses_template`] and [`Self::render_slots`].
    ///
    /// # Errors
    /// As [`Self::render_slots`].
    pub fn render_full(&self, context: &Context) -> Result<RenderedEmail, RenderError> {
        let values = self.render_slots(context)?;
        let mut limit = MESSAGE_BYTES;
        Ok(RenderedEmail {
            subject: assemble(&self.compiled.subject, &values, &mut limit)?,
            html: assemble(&self.compiled.html, &values, &mut limit)?,
            text: assemble(&self.compiled.text, &values, &mut limit)?,
        })
    }
}

fn handlebars(pieces: &[Piece]) -> String {
    let mut template = String::new();
    for piece in pieces {
        match piece {
            Piece::Static(text) => push_literal(&mut template, text),
            Piece::Slot(number) => template.push_str(&format!("{{{{{{s{number}}}}}}}")),
        }
    }
    template
}

/// Appends text for Handlebars: a brace or backslash that stands alone between other characters means nothing there; one
/// next to another, or at an edge where a slot may follow, is written as a constant.
fn push_literal(template: &mut String, text: &str) {
    let is_special = |character: char| matches!(character, '{' | '}' | '\\');
    let mut rest = text;
    let mut at_edge = true;
    while let Some(place) = rest.find(is_special) {
        let (before, from_run) = rest.split_at(place);
        let length = from_run.find(|character| !is_special(character)).unwrap_or(from_run.len());
        let (run, after) = from_run.split_at(length);
        template.push_str(before);
        let stands_alone = run.len() == 1 && !(at_edge && before.is_empty()) && !after.is_empty();
        match stands_alone {
            true => template.push_str(run),
            false => run.chars().for_each(|character| {
                template.push_str(match character {
                    '{' => "{{{l}}}",
                    '}' => "{{{r}}}",
                    _ => "{{{b}}}",
                });
            }),
        }
        at_edge = false;
        rest = after;
    }
    template.push_str(rest);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::content::EmailContent;
    use crate::context::Fields;
    use crate::render::environment;
    use minijinja::Value;
    use proptest::prelude::*;

    /// Fills a Handlebars template of `{{{name}}}` only, and fails on everything else that Handlebars would read.
    fn fill(template: &str, data: &BTreeMap<String, String>) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some(place) = rest.find("{{") {
            let (before, from_tag) = rest.split_at(place);
            assert!(!before.ends_with('\\'), "an escaped tag: {template}");
            let (name, after) = from_tag.strip_prefix("{{{").unwrap().split_once("}}}").unwrap();
            assert!(name.chars().all(|character| character.is_ascii_alphanumeric()), "an odd tag: {template}");
            assert!(!after.starts_with('}'), "a raw block: {template}");
            filled.push_str(before);
            filled.push_str(&data[name]);
            rest = after;
        }
        filled + rest
    }

    fn as_ses(compiled: &CompiledEmail, values: &[String]) -> RenderedEmail {
        let template = compiled.ses_template();
        let mut data: BTreeMap<String, String> = serde_json::from_str(template.data).unwrap();
        data.extend(serde_json::from_str::<BTreeMap<String, String>>(&template_data(values)).unwrap());
        RenderedEmail { subject: fill(&template.subject, &data), html: fill(&template.html, &data), text: fill(&template.text, &data) }
    }

    fn email(subject: &str, html: &str, text: Option<&str>) -> EmailContent {
        EmailContent { subject: subject.to_owned(), html: html.to_owned(), text: text.map(str::to_owned), preheader: None }
    }

    fn context(name: &str) -> Context {
        let fields = Fields::from([
            ("first_name".to_owned(), Value::from(name)),
            ("age".to_owned(), Value::from(36)),
            ("items".to_owned(), Value::from(vec!["a&b", "c"])),
            ("score".to_owned(), Value::from(4.0)),
            ("active".to_owned(), Value::from(true)),
            ("trusted".to_owned(), Value::from_safe_string("<i>safe</i>".to_owned())),
        ]);
        Context::new(fields).with_organization("Acme & Sons").with_unsubscribe_url("https://u.example/x?a=1&b=2")
    }

    #[test]
    fn a_mail_is_rendered_in_all_parts() {
        let html = "<html><head><style>@media print{p{color:red}}</style></head><BODY class=\"x\"><p>Hi {{ first_name|default('you') }}!</p>\
                    <table>{% for item in items %}<tr><td>{{ item }}</td></tr>{% endfor %}</table>\
                    <a href=\"{{ unsubscribe_url }}\">Leave</a></body></html>";
        let content = EmailContent { preheader: Some("For <{{ first_name }}>".to_owned()), ..email("Dear {{ first_name }}", html, None) };
        let renderer = EmailRenderer::new(content.compile().unwrap()).unwrap();

        let rendered = renderer.render_full(&context("Ada\r\nBcc: <eve>")).unwrap();

        assert_eq!(rendered.subject, "Dear Ada  Bcc: <eve>");
        assert!(rendered.html.contains(
            "<BODY class=\"x\"><div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">For &lt;Ada\r\nBcc: &lt;eve&gt;&gt;</div><p>Hi Ada"
        ));
        assert!(rendered.html.contains("@media print{p{color:red}}"));
        assert!(rendered.html.contains("<tr><td>a&amp;b</td></tr><tr><td>c</td></tr>"));
        assert!(rendered.html.contains("href=\"https://u.example/x?a=1&amp;b=2\""));
        assert_eq!(rendered.text, "Hi Ada\r\nBcc: <eve>!\n\na&b\nc\nLeave (https://u.example/x?a=1&b=2)\n");
        assert_eq!(as_ses(renderer.compiled(), &renderer.render_slots(&context("Ada\r\nBcc: <eve>")).unwrap()), rendered);
    }

    #[test]
    fn equal_expressions_of_one_place_are_sent_once() {
        let compiled = email("{{ first_name }}", "{{ first_name }}{{ contact.first_name }}", Some("{{ first_name }}")).compile().unwrap();

        let template = compiled.ses_template();

        assert_eq!(
            (template.subject.as_str(), template.text.as_str(), template.html.as_str()),
            ("{{{s0}}}", "{{{s1}}}", "{{{s2}}}{{{s2}}}")
        );
    }

    #[test]
    fn braces_of_the_author_come_through_ses() {
        let html = "{% raw %}{{ x }} a{b}c{% endraw %} {{ '{' }}{{ first_name }}}\\{{ first_name }}{% raw %}\\{{{{{% endraw %}";
        let renderer = EmailRenderer::new(email("s", html, Some("t")).compile().unwrap()).unwrap();
        let values = renderer.render_slots(&context("Ada")).unwrap();

        let filled = as_ses(renderer.compiled(), &values);

        assert_eq!(filled.html, "{{ x }} a{b}c {Ada}\\Ada\\{{{{");
        assert!(renderer.compiled().ses_template().html.contains(" a{b}c "));
    }

    #[test]
    fn a_compiled_mail_reads_back_and_renders_the_same() {
        let compiled = email("{{ first_name }}", "{% if age > 1 %}{{ age }}{% endif %}{{ x|default('y') }}", None).compile().unwrap();

        let stored: CompiledEmail = serde_json::from_str(&serde_json::to_string(&compiled).unwrap()).unwrap();

        let render = |compiled| EmailRenderer::new(compiled).unwrap().render_full(&context("Ada")).unwrap();
        assert_eq!(render(stored), render(compiled));
    }

    #[test]
    fn a_mail_that_becomes_too_large_by_repetition_is_refused() {
        let renderer = EmailRenderer::new(email("s", &"{{ first_name }}".repeat(100), Some("t")).compile().unwrap()).unwrap();

        assert_eq!(renderer.render_slots(&context(&"x".repeat(6_000))), Err(RenderError::TooLarge));
    }

    /// What the whole source gives when MiniJinja renders it in one go.
    fn directly(source: &str, place: &str, context: &Context) -> String {
        let mut environment = environment();
        environment.add_template_owned(format!("whole.{place}"), source.to_owned()).unwrap();
        environment.get_template(&format!("whole.{place}")).unwrap().render(context.root()).unwrap()
    }

    fn fragment() -> impl Strategy<Value = String> {
        let tags = proptest::sample::select(vec![
            "{{ first_name }}",
            "{{- contact.first_name -}}",
            "{{ nickname | default(\"<fr'iend>\") }}",
            "{{ nickname|d('x')|upper }}",
            "{{ first_name or 'x' }}",
            "{{ age + 1 }}",
            "{{ age }}{{ score }}{{ contact.active }}{{ items }}{{ trusted }}",
            "{{ score|default('x') }}{{ contact['trusted']|d('<y>') }}{{ contact.nickname|d(\"\") }}",
            "{{ unsubscribe_url }}",
            "{{ organization.name|safe }}",
            "{{ organization.name|e }}",
            "{{ items|join(', ') }}",
            "{{ '{{' }}",
            "{%- if age > 18 %} adult {{ first_name }}{% else %}minor{% endif -%}",
            "{% if nickname %}{{ nickname }}{% elif first_name %}{{ first_name }}{% endif %}",
            "{% for item in items %}{{ loop.index }}{{ item }}{% else %}none{% endfor %}",
            "{% set who = first_name %}",
            "{% set who = 'nobody' %}",
            "{% if age %}yes{% set who = age %}{% endif %}",
            "{{ who|default('unset') }}",
            "{# a note #}",
            "{% raw %}{{ raw }}{% endraw %}",
            "{% with a = age %}{{ a }}{% endwith %}",
            "{% autoescape false %}{{ first_name }}{% endautoescape %}",
        ]);
        prop_oneof![tags.prop_map(str::to_owned), "[ a-z<>&\"'\\\\}\n]{0,8}", "[a-z]\\{[a-z]"]
    }

    proptest! {
        #[test]
        fn compiled_mails_equal_what_minijinja_and_ses_make_of_them(
            fragments in proptest::collection::vec(fragment(), 0..12),
            name in "[ a-zA-Zé<>&\"'{}\\\\\r\n/]{1,12}",
        ) {
            let source = fragments.concat();
            let context = context(&name);
            let content = email("{{ first_name }}", &format!("<p>{source}"), Some(&source));
            let renderer = EmailRenderer::new(content.compile().unwrap()).unwrap();

            let rendered = renderer.render_full(&context).unwrap();

            prop_assert_eq!(&rendered.html, &directly(&content.html, "html", &context));
            prop_assert_eq!(&rendered.text, &directly(&source, "txt", &context));
            prop_assert!(!rendered.subject.contains(['\r', '\n']));
            let values = renderer.render_slots(&context).unwrap();
            prop_assert_eq!(as_ses(renderer.compiled(), &values), rendered);
        }

        #[test]
        fn any_source_is_compiled_or_refused_without_a_panic(source in "[a-z {}%#'\"|.<>/()\\[\\]*~+=-]{0,60}") {
            let _ = email("s", &source, None).compile();
        }
    }
}
