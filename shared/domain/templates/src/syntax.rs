//! Cuts a template's source into text, `{{ … }}` and `{% … %}`, with MiniJinja's own lexer.

use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use crate::limits::{ELIFS, TAG_TOKENS};

/// A part of a source; whitespace control (`{{-`) has been applied to the texts already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'source> {
    /// Text as it will be written.
    Text(&'source str),
    /// What stands between `{{` and `}}`.
    Variable(&'source str),
    /// What stands between `{%` and `%}`.
    Block(&'source str),
}

impl Part<'_> {
    /// Gives the first word of a block, such as `if` or `endif`.
    pub(crate) fn keyword(&self) -> &str {
        match self {
            Self::Block(inner) => inner.split(|character: char| !character.is_ascii_alphabetic()).next().unwrap_or_default(),
            Self::Text(_) | Self::Variable(_) => "",
        }
    }
}

/// Gives the syntax of all templates: MiniJinja's, with a last line break kept.
pub(crate) fn config() -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    builder.keep_trailing_newline(true);
    // The defaults cannot fail to build.
    builder.build().unwrap_or_default()
}

/// Cuts a source into parts.
///
/// The limits are checked here, before anything recurses into what was written: the parser follows every `elif` and
/// every sign of an expression one call deeper.
pub(crate) fn parts(source: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut tokens = 0;
    let mut elifs = 0;
    for token in tokenize(source, false, config()) {
        let (token, span) = token.map_err(|error| describe(&error))?;
        let inner = || source.get(start..span.start_offset as usize).unwrap_or_default().trim();
        match token {
            Token::TemplateData(text) => parts.push(Part::Text(text)),
            Token::VariableStart | Token::BlockStart => {
                start = span.end_offset as usize;
                tokens = 0;
            }
            Token::VariableEnd => parts.push(Part::Variable(inner())),
            Token::BlockEnd => parts.push(Part::Block(inner())),
            _ => {
                tokens += 1;
                elifs += usize::from(matches!(token, Token::Ident("elif")));
                check(tokens, elifs, span)?;
            }
        }
    }
    Ok(parts)
}

fn check(tokens: usize, elifs: usize, span: Span) -> Result<(), String> {
    if tokens > TAG_TOKENS {
        return Err(format!("line {}: an expression holds more than {TAG_TOKENS} words and signs", span.start_line));
    }
    if elifs > ELIFS {
        return Err(format!("line {}: there are more than {ELIFS} `elif`", span.start_line));
    }
    Ok(())
}

/// Says what the parser found wrong, with the line.
pub(crate) fn describe(error: &minijinja::Error) -> String {
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}

/// Appends text to a template's source so that the lexer reads it back as that text.
pub(crate) fn push_text(source: &mut String, text: &str) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let opens = character == '{' && matches!(characters.peek(), None | Some('{' | '%' | '#'));
        match opens {
            true => source.push_str("{{ '{' }}"),
            false => source.push(character),
        }
    }
}

/// Appends a part to a template's source.
pub(crate) fn push_part(source: &mut String, part: Part<'_>) {
    match part {
        Part::Text(text) => push_text(source, text),
        Part::Variable(inner) => ["{{ ", inner, " }}"].into_iter().for_each(|piece| source.push_str(piece)),
        Part::Block(inner) => ["{% ", inner, " %}"].into_iter().for_each(|piece| source.push_str(piece)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_cut_into_text_variables_and_blocks() {
        let found = parts("a {{- x | default('}}') }}{# no #}{% if y -%}\n b{% endif %}\n").unwrap();

        assert_eq!(
            found,
            [
                Part::Text("a"),
                Part::Variable("x | default('}}')"),
                Part::Block("if y"),
                Part::Text("b"),
                Part::Block("endif"),
                Part::Text("\n"),
            ]
        );
        assert_eq!(found[2].keyword(), "if");
    }

    #[test]
    fn raw_blocks_are_text_and_can_be_written_back() {
        let found = parts("{% raw %}a {{ b }} {%{% endraw %}").unwrap();
        assert_eq!(found, [Part::Text("a {{ b }} {%")]);

        let mut source = String::new();
        push_part(&mut source, found[0]);
        push_part(&mut source, Part::Text("{"));

        assert_eq!(source, "a {{ '{' }}{ b }} {{ '{' }}%{{ '{' }}");
    }

    #[test]
    fn an_expression_that_would_recurse_too_deep_is_refused_before_it_is_parsed() {
        let long = format!("{{{{ a{} }}}}", " ~ a".repeat(100_000));
        let chain = format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(20_000));

        assert!(parts(&long).unwrap_err().contains("more than 200"));
        assert!(parts(&chain).unwrap_err().contains("elif"));
    }

    #[test]
    fn a_broken_tag_is_reported_with_its_line() {
        assert!(parts("one\n{{ 'open }}").unwrap_err().starts_with("line 2: "));
    }
}
