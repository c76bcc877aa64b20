//! Cuts content, once, into static text and the slots that differ from recipient to recipient.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use minijinja::machinery::ast::{CallArg, Expr, Stmt};
use minijinja::machinery::parse;
use serde::{Deserialize, Serialize};

use crate::analysis::{Analysis, analyse, variable_name};
use crate::context::Context;
use crate::escape::Place;
use crate::limits::{SETTING_BYTES, SLOTS};
use crate::render::Engine;
use crate::syntax::{self, Part};

/// A piece of compiled content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Text that is the same for every recipient.
    Static(String),
    /// The slot with this number.
    Slot(usize),
}

/// What fills a slot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub place: Place,
    pub program: Program,
}

/// How a slot's value is found; the first two, the common ones, bypass MiniJinja.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Program {
    /// `{{ name }}`.
    Field(String),
    /// `{{ name | default("text") }}`.
    FieldOr(String, String),
    /// Anything else, with the variables that it cannot do without.
    Template { source: String, requires: Vec<String> },
}

/// A source that has been read and found in order.
pub(crate) struct Reading<'source> {
    pub parts: Vec<Part<'source>>,
    analysis: Analysis,
}

/// Reads a source, or says everything that is wrong with it.
pub(crate) fn read(source: &str) -> Result<Reading<'_>, Vec<String>> {
    let parts = syntax::parts(source).map_err(|fault| vec![fault])?;
    let mut analysis = analyse(source);
    let faults: BTreeSet<String> = std::mem::take(&mut analysis.faults).into_iter().collect();
    match faults.is_empty() {
        true => Ok(Reading { parts, analysis }),
        false => Err(faults.into_iter().collect()),
    }
}

impl Reading<'_> {
    /// The variables, and whether all of their uses have a default.
    pub fn variables(&self) -> &BTreeMap<String, bool> {
        &self.analysis.variables
    }

    /// Tells whether `name` is written outside of every block, so that every recipient gets it.
    pub fn always_writes(&self, name: &str) -> bool {
        let mut depth = 0_usize;
        self.parts.iter().any(|part| {
            match part.keyword() {
                "if" | "for" => depth += 1,
                "endif" | "endfor" => depth = depth.saturating_sub(1),
                _ => {}
            }
            let Part::Variable(_) = part else { return false };
            depth == 0 && analyse(&written(*part)).variables.get(name) == Some(&false)
        })
    }
}

/// Collects the slots of one message; equal expressions in equal places share a slot.
#[derive(Default)]
pub(crate) struct Compiler {
    slots: Vec<Slot>,
    numbers: HashMap<Slot, usize>,
}

impl Compiler {
    /// Compiles a part of the message.
    pub fn compile(&mut self, reading: &Reading<'_>, place: Place) -> Result<Vec<Piece>, String> {
        let assigned = &reading.analysis.assigned;
        let mut cutting = Cutting { compiler: self, place, assigned, pieces: Vec::new(), prelude: String::new(), known: HashMap::new() };
        let mut block = Block::default();
        for part in &reading.parts {
            let finished = match (block.depth, part) {
                (0, Part::Text(text)) => Finished::Text(text),
                (0, Part::Variable(_)) => Finished::Slot(written(*part)),
                (0, Part::Block(_)) if part.keyword() == "set" => Finished::Setting(written(*part)),
                _ => block.take(*part),
            };
            cutting.add(finished)?;
        }
        Ok(cutting.pieces)
    }

    /// Gives all slots, in the order of their numbers.
    pub fn finish(self) -> Vec<Slot> {
        self.slots
    }

    fn number(&mut self, slot: Slot) -> Result<usize, String> {
        if let Some(number) = self.numbers.get(&slot) {
            return Ok(*number);
        }
        if self.slots.len() >= SLOTS {
            return Err(format!("there are more than {SLOTS} different expressions"));
        }
        self.slots.push(slot.clone());
        self.numbers.insert(slot, self.slots.len() - 1);
        Ok(self.slots.len() - 1)
    }
}

fn written(part: Part<'_>) -> String {
    let mut source = String::new();
    syntax::push_part(&mut source, part);
    source
}

/// The outermost block that is being collected.
#[derive(Default)]
struct Block {
    depth: usize,
    source: String,
    /// The block's tags without what it writes: what remains of it for later slots when it sets variables.
    skeleton: String,
    sets: bool,
}

enum Finished<'source> {
    Nothing,
    Text(&'source str),
    Setting(String),
    Slot(String),
    SlotThatSets { source: String, skeleton: String },
}

impl Block {
    fn take(&mut self, part: Part<'_>) -> Finished<'static> {
        syntax::push_part(&mut self.source, part);
        if !part.keyword().is_empty() {
            syntax::push_part(&mut self.skeleton, part);
        }
        match part.keyword() {
            "if" | "for" | "with" | "autoescape" => self.depth += 1,
            "set" => self.sets = true,
            end if end.starts_with("end") => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth > 0 {
            return Finished::Nothing;
        }
        let Self { source, skeleton, sets, .. } = std::mem::take(self);
        match sets {
            true => Finished::SlotThatSets { source, skeleton },
            false => Finished::Slot(source),
        }
    }
}

struct Cutting<'compiler, 'source> {
    compiler: &'compiler mut Compiler,
    place: Place,
    assigned: &'source BTreeSet<String>,
    pieces: Vec<Piece>,
    /// Everything so far that sets variables; slots that use them run it first.
    prelude: String,
    /// What expressions became since the prelude last grew.
    known: HashMap<String, Piece>,
}

impl Cutting<'_, '_> {
    fn add(&mut self, finished: Finished<'_>) -> Result<(), String> {
        match finished {
            Finished::Nothing => {}
            Finished::Text(text) => self.text(text),
            Finished::Setting(source) => self.set(&source)?,
            Finished::Slot(source) => self.slot(source)?,
            Finished::SlotThatSets { source, skeleton } => {
                self.slot(source)?;
                self.set(&skeleton)?;
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Static(before)) => before.push_str(text),
            _ => self.pieces.push(Piece::Static(text.to_owned())),
        }
    }

    fn set(&mut self, source: &str) -> Result<(), String> {
        self.known.clear();
        self.prelude.push_str(source);
        match self.prelude.len() > SETTING_BYTES {
            true => Err(format!("the tags that set variables hold more than {} KiB", SETTING_BYTES / 1024)),
            false => Ok(()),
        }
    }

    fn slot(&mut self, source: String) -> Result<(), String> {
        let piece = match self.known.get(&source) {
            Some(piece) => piece.clone(),
            None => {
                let piece = self.piece(&source)?;
                self.known.insert(source, piece.clone());
                piece
            }
        };
        match piece {
            Piece::Static(text) => self.text(&text),
            slot @ Piece::Slot(_) => self.pieces.push(slot),
        }
        Ok(())
    }

    fn piece(&mut self, source: &str) -> Result<Piece, String> {
        let alone = analyse(source);
        let uses_settings = alone.variables.keys().any(|name| self.assigned.contains(name));
        let (source, analysis) = match uses_settings {
            true => {
                let whole = format!("{}{source}", self.prelude);
                let analysis = analyse(&whole);
                (whole, analysis)
            }
            false => (source.to_owned(), alone),
        };
        let slot = Slot { place: self.place, program: program(source, &analysis) };
        if analysis.variables.is_empty() {
            let values = Engine::load(std::slice::from_ref(&slot)).and_then(|engine| engine.values(&Context::default()));
            return values.map(|values| Piece::Static(values.concat())).map_err(|error| error.to_string());
        }
        self.compiler.number(slot).map(Piece::Slot)
    }
}

fn program(source: String, analysis: &Analysis) -> Program {
    if let Some(program) = direct(&source) {
        return program;
    }
    let requires = analysis.variables.iter().filter(|(_, has_default)| !**has_default).map(|(name, _)| name.clone()).collect();
    Program::Template { source, requires }
}

/// Recognises the two forms that need no engine.
fn direct(source: &str) -> Option<Program> {
    let Ok(Stmt::Template(template)) = parse(source, "", syntax::config()) else { return None };
    let [Stmt::EmitExpr(emit)] = template.children.as_slice() else { return None };
    let Expr::Filter(filter) = &emit.expr else { return variable_name(&emit.expr).map(Program::Field) };
    match (filter.name, &filter.expr, filter.args.as_slice()) {
        ("default" | "d", Some(base), [CallArg::Pos(Expr::Const(other))]) => {
            Some(Program::FieldOr(variable_name(base)?, other.value.as_str()?.to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn compile(source: &str) -> (Vec<Piece>, Vec<Slot>) {
        let mut compiler = Compiler::default();
        let pieces = compiler.compile(&read(source).ok().unwrap(), Place::Html).unwrap();
        (pieces, compiler.finish())
    }

    fn text(text: &str) -> Piece {
        Piece::Static(text.to_owned())
    }

    #[test]
    fn static_text_stays_and_equal_expressions_share_a_slot() {
        let (pieces, slots) = compile("Hi {{ name }}, {{contact.name}}!{# note #} {{ city | default('x') }}{% if a %}{{ b }}{% endif %}.");

        assert_eq!(
            pieces,
            [text("Hi "), Piece::Slot(0), text(", "), Piece::Slot(0), text("! "), Piece::Slot(1), Piece::Slot(2), text(".")]
        );
        let programs: Vec<&Program> = slots.iter().map(|slot| &slot.program).collect();
        assert_eq!(*programs[0], Program::Field("name".to_owned()));
        assert_eq!(*programs[1], Program::FieldOr("city".to_owned(), "x".to_owned()));
        let source = "{% if a %}{{ b }}{% endif %}".to_owned();
        assert_eq!(*programs[2], Program::Template { source, requires: vec!["b".to_owned()] });
    }

    #[test]
    fn what_depends_on_nobody_becomes_static() {
        let (pieces, slots) = compile("{{ '<' }}{% for i in [1, 2] %}{{ i }};{% endfor %}{% raw %}{{ x }}{% endraw %}");

        assert_eq!(pieces, [text("&lt;1;2;{{ x }}")]);
        assert!(slots.is_empty());
    }

    #[test]
    fn slots_run_the_settings_that_they_use_and_others_stay_direct() {
        let (_, slots) = compile("{% set a = x %}{{ a }}{% if y %}long{% set a = 'z' %}{% endif %}{{ a }}{{ x }}");

        let sources: Vec<String> = slots
            .iter()
            .map(|slot| match &slot.program {
                Program::Template { source, .. } => source.clone(),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(
            sources,
            [
                "{% set a = x %}{{ a }}",
                "{% if y %}long{% set a = 'z' %}{% endif %}",
                "{% set a = x %}{% if y %}{% set a = 'z' %}{% endif %}{{ a }}",
                "Field(\"x\")",
            ]
        );
    }

    #[test]
    fn settings_are_limited_because_slots_carry_them() {
        let source = format!("{}{{{{ a }}}}", "{% set a = 'xxxxxxxxxxxxxxxx' %}".repeat(200));

        let refused = Compiler::default().compile(&read(&source).ok().unwrap(), Place::Text);

        assert_eq!(refused.unwrap_err(), "the tags that set variables hold more than 4 KiB");
    }

    #[test]
    fn too_many_different_expressions_are_refused() {
        use std::fmt::Write as _;
        let source = (0..=SLOTS).fold(String::new(), |mut source, number| {
            write!(source, "{{{{ a{number} }}}}").unwrap();
            source
        });

        let refused = Compiler::default().compile(&read(&source).ok().unwrap(), Place::Text);

        assert_eq!(refused.unwrap_err(), "there are more than 500 different expressions");
    }

    #[test]
    fn an_address_counts_as_always_written_outside_of_blocks_only() {
        let always = |source: &str| read(source).ok().unwrap().always_writes("unsubscribe_url");

        assert!(always("{% if a %}x{% endif %}{{ unsubscribe_url }}"));
        assert!(!always("{% if a %}{{ unsubscribe_url }}{% endif %}"));
        assert!(!always("{{ unsubscribe_url|default('') }}"));
    }
}
