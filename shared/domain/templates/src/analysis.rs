//! Tells which variables a template uses, and refuses what templates may not do.
//!
//! MiniJinja bounds steps, not memory: text can be doubled in few steps, and captured text escapes the writer's limit. So a
//! subset is allowed in which memory is bounded by what is written: no macros, captures, includes or calls; filters by
//! name; `*` between numbers only; and a limit on the texts that one expression joins, where a `set` variable weighs as
//! much as what it was set to.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::machinery::ast::{BinOp, BinOpKind, Call, CallArg, Expr, Filter, Stmt, UnaryOpKind};
use minijinja::machinery::parse;
use minijinja::value::ValueKind;
use serde::Serialize;

use crate::context::{CONTACT, ORGANIZATION, UNSUBSCRIBE_URL};
use crate::limits::JOINED_TEXTS;
use crate::syntax;

/// A variable that content uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Variable {
    /// The name of the contact's field (`contact.city` and `city` are both `city`), or `organization.name`, or `unsubscribe_url`.
    pub name: String,
    /// Whether every use has a default or a guard, so that rendering works without it.
    pub has_default: bool,
}

impl Variable {
    /// Tells whether the value comes from the contact, not from the platform.
    #[must_use]
    pub fn is_contact_field(&self) -> bool {
        self.name != UNSUBSCRIBE_URL && !self.name.starts_with("organization.")
    }
}

/// What was found in a template.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    /// The variables, and whether all of their uses have a default.
    pub variables: BTreeMap<String, bool>,
    /// The names that `set` gives a value.
    pub assigned: BTreeSet<String>,
    /// What is not allowed.
    pub faults: Vec<String>,
    locals: Vec<(String, usize)>,
    guarded: Vec<String>,
}

const FILTERS: [&str; 32] = [
    "abs",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "e",
    "escape",
    "first",
    "float",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "max",
    "min",
    "replace",
    "reverse",
    "round",
    "safe",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
    "lines",
];
const NUMBER_FILTERS: [&str; 6] = ["abs", "count", "float", "int", "length", "round"];

/// Parses a source that [`syntax::parts`] has found to be within limits.
pub(crate) fn analyse(source: &str) -> Analysis {
    let mut analysis = Analysis::default();
    match parse(source, "", syntax::config()) {
        Ok(tree) => analysis.statement(&tree),
        Err(error) => analysis.faults.push(syntax::describe(&error)),
    }
    analysis
}

/// Gives the variable that an expression simply names, as [`Variable::name`] has it.
pub(crate) fn variable_name(expression: &Expr<'_>) -> Option<String> {
    let (base, name) = match expression {
        Expr::Var(variable) => return (![CONTACT, ORGANIZATION].contains(&variable.id)).then(|| variable.id.to_owned()),
        Expr::GetAttr(attribute) => (&attribute.expr, attribute.name.to_owned()),
        Expr::GetItem(item) => match &item.subscript_expr {
            Expr::Const(constant) => (&item.expr, constant.value.as_str()?.to_owned()),
            _ => return None,
        },
        _ => return None,
    };
    match base {
        Expr::Var(variable) if variable.id == CONTACT => Some(name),
        Expr::Var(variable) if variable.id == ORGANIZATION && name == "name" => Some(format!("{ORGANIZATION}.{name}")),
        _ => None,
    }
}

impl Analysis {
    fn statements(&mut self, statements: &[Stmt<'_>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitRaw(_) => {}
            Stmt::EmitExpr(emit) => {
                self.weigh(&emit.expr);
            }
            Stmt::ForLoop(each) => {
                let weight = self.weigh(&each.iter);
                self.scoped(|inner| {
                    inner.locals.push(("loop".to_owned(), 1));
                    inner.bind(&each.target, weight);
                    each.filter_expr.iter().for_each(|filter| inner.condition(filter));
                    inner.statements(&each.body);
                });
                self.scoped(|inner| inner.statements(&each.else_body));
            }
            Stmt::IfCond(choice) => {
                self.condition(&choice.expr);
                let (when_true, when_false) = guards(&choice.expr);
                self.guarded_by(when_true, |inner| inner.statements(&choice.true_body));
                self.guarded_by(when_false, |inner| inner.statements(&choice.false_body));
            }
            Stmt::WithBlock(with) => self.scoped(|inner| {
                for (target, value) in &with.assignments {
                    let weight = inner.weigh(value);
                    inner.bind(target, weight);
                }
                inner.statements(&with.body);
            }),
            Stmt::Set(set) => {
                let weight = self.weigh(&set.expr);
                if !matches!(&set.target, Expr::Var(_) | Expr::List(_) | Expr::Tuple(_)) {
                    self.faults.push("`set` takes a plain name".to_owned());
                }
                self.bind(&set.target, weight);
            }
            Stmt::AutoEscape(escape) => self.statements(&escape.body),
            _ => self.faults.push("only if, for, with, set, autoescape and raw blocks are allowed".to_owned()),
        }
    }

    fn scoped(&mut self, body: impl FnOnce(&mut Self)) {
        let depth = self.locals.len();
        body(self);
        self.locals.truncate(depth);
    }

    fn guarded_by(&mut self, names: Vec<String>, body: impl FnOnce(&mut Self)) {
        let depth = self.guarded.len();
        self.guarded.extend(names);
        body(self);
        self.guarded.truncate(depth);
    }

    fn bind(&mut self, target: &Expr<'_>, weight: usize) {
        match target {
            Expr::Var(variable) if [CONTACT, ORGANIZATION, UNSUBSCRIBE_URL].contains(&variable.id) => {
                self.faults.push(format!("`{}` cannot be set", variable.id));
            }
            Expr::Var(variable) => {
                // A set in one branch may leave the value of another in place: the heavier counts.
                let before = self.local(variable.id).unwrap_or_default();
                self.locals.push((variable.id.to_owned(), weight.max(before)));
                self.assigned.insert(variable.id.to_owned());
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.bind(item, weight)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.bind(item, weight)),
            _ => {}
        }
    }

    fn local(&self, name: &str) -> Option<usize> {
        self.locals.iter().rev().find(|(known, _)| known == name).map(|(_, weight)| *weight)
    }

    fn mention(&mut self, name: String, is_optional: bool) {
        let is_optional = is_optional || self.guarded.contains(&name);
        self.variables.entry(name).and_modify(|all| *all &= is_optional).or_insert(is_optional);
    }

    /// Walks an expression whose value is written or stored, and gives the number of texts that it joins at most.
    fn weigh(&mut self, expression: &Expr<'_>) -> usize {
        let weight = self.walk(expression);
        if weight > JOINED_TEXTS {
            self.faults.push(format!("an expression joins more than {JOINED_TEXTS} texts"));
        }
        weight.min(JOINED_TEXTS + 1)
    }

    fn walk(&mut self, expression: &Expr<'_>) -> usize {
        if let Some(weight) = self.named(expression) {
            return weight;
        }
        match expression {
            Expr::Var(variable) => {
                self.faults.push(format!("`{0}` needs a field: write `{0}.name`", variable.id));
                1
            }
            Expr::Const(_) => 1,
            Expr::Slice(slice) => {
                [&slice.start, &slice.stop, &slice.step].into_iter().flatten().for_each(|part| self.condition(part));
                self.walk(&slice.expr)
            }
            Expr::UnaryOp(operation) if matches!(operation.op, UnaryOpKind::Not) => {
                self.condition(&operation.expr);
                1
            }
            Expr::UnaryOp(operation) => self.walk(&operation.expr),
            Expr::BinOp(operation) => self.operation(operation),
            Expr::Compare(compare) => {
                compare.ops.iter().for_each(|part| self.condition_value(&part.expr));
                self.walk(&compare.expr)
            }
            Expr::IfExpr(choice) => {
                self.condition(&choice.test_expr);
                let (when_true, when_false) = guards(&choice.test_expr);
                let mut weight = 0;
                self.guarded_by(when_true, |inner| weight = inner.walk(&choice.true_expr));
                if let Some(other) = &choice.false_expr {
                    self.guarded_by(when_false, |inner| weight = weight.max(inner.walk(other)));
                }
                weight
            }
            Expr::Filter(filter) => self.filter(filter),
            Expr::Test(test) => {
                match test.name {
                    "defined" | "undefined" | "none" => self.condition(&test.expr),
                    _ => self.condition_value(&test.expr),
                }
                self.arguments(&test.args) + 1
            }
            Expr::GetAttr(attribute) => self.walk(&attribute.expr),
            Expr::GetItem(item) => self.walk(&item.subscript_expr).max(self.walk(&item.expr)),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.items.iter().map(|item| self.walk(item)).sum(),
            Expr::Tuple(tuple) => tuple.items.iter().map(|item| self.walk(item)).sum(),
            Expr::Map(map) => map.keys.iter().chain(&map.values).map(|item| self.walk(item)).sum(),
        }
    }

    fn named(&mut self, expression: &Expr<'_>) -> Option<usize> {
        let name = variable_name(expression)?;
        if let (Expr::Var(_), Some(weight)) = (expression, self.local(&name)) {
            return Some(weight);
        }
        self.mention(name, false);
        Some(1)
    }

    /// Walks an expression that is only asked whether it is there and true: absence is an answer, not an error.
    fn condition(&mut self, expression: &Expr<'_>) {
        match (variable_name(expression), expression) {
            (Some(name), _) if self.local(&name).is_none() => self.mention(name, true),
            (_, Expr::UnaryOp(operation)) if matches!(operation.op, UnaryOpKind::Not) => self.condition(&operation.expr),
            (_, Expr::BinOp(operation)) if matches!(operation.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
                self.condition(&operation.left);
                let (when_true, when_false) = guards(&operation.left);
                let names = if matches!(operation.op, BinOpKind::ScAnd) { when_true } else { when_false };
                self.guarded_by(names, |inner| inner.condition(&operation.right));
            }
            _ => self.condition_value(expression),
        }
    }

    fn condition_value(&mut self, expression: &Expr<'_>) {
        self.weigh(expression);
    }

    fn operation(&mut self, operation: &BinOp<'_>) -> usize {
        match operation.op {
            BinOpKind::ScOr => {
                self.condition(&operation.left);
                let (when_true, when_false) = guards(&operation.left);
                let mut weight = 0;
                self.guarded_by(when_true, |inner| weight = inner.walk(&operation.left));
                self.guarded_by(when_false, |inner| weight = weight.max(inner.walk(&operation.right)));
                return weight;
            }
            BinOpKind::Mul | BinOpKind::Pow if !(is_number(&operation.left) && is_number(&operation.right)) => {
                self.faults.push("`*` and `**` need numbers on both sides: write `price|float * 2`".to_owned());
            }
            _ => {}
        }
        self.walk(&operation.left) + self.walk(&operation.right)
    }

    fn filter(&mut self, filter: &Filter<'_>) -> usize {
        if !FILTERS.contains(&filter.name) {
            self.faults.push(format!("the filter `{}` is not available", filter.name));
        }
        let base = match &filter.expr {
            Some(base) if matches!(filter.name, "default" | "d") => match variable_name(base) {
                Some(name) if self.local(&name).is_none() => {
                    self.mention(name, true);
                    1
                }
                _ => self.walk(base),
            },
            Some(base) => self.walk(base),
            None => 1,
        };
        base + self.arguments(&filter.args)
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) -> usize {
        arguments
            .iter()
            .map(|argument| match argument {
                CallArg::Pos(value) | CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value) => self.walk(value),
            })
            .sum()
    }

    fn call(&mut self, call: &Call<'_>) -> usize {
        let is_cycle = match &call.expr {
            Expr::GetAttr(attribute) => attribute.name == "cycle" && matches!(&attribute.expr, Expr::Var(base) if base.id == "loop"),
            _ => false,
        };
        if !is_cycle {
            self.faults.push("functions and methods cannot be called".to_owned());
        }
        self.arguments(&call.args) + 1
    }
}

/// Gives the variables that are surely there when a condition holds, and when it does not.
fn guards(condition: &Expr<'_>) -> (Vec<String>, Vec<String>) {
    match condition {
        Expr::UnaryOp(operation) if matches!(operation.op, UnaryOpKind::Not) => {
            let (when_true, when_false) = guards(&operation.expr);
            (when_false, when_true)
        }
        Expr::BinOp(operation) => {
            let (mut left, mut right) = (guards(&operation.left), guards(&operation.right));
            match operation.op {
                BinOpKind::ScAnd => {
                    left.0.append(&mut right.0);
                    (left.0, Vec::new())
                }
                BinOpKind::ScOr => {
                    left.1.append(&mut right.1);
                    (Vec::new(), left.1)
                }
                _ => Default::default(),
            }
        }
        Expr::Test(test) => {
            let name = variable_name(&test.expr).into_iter().collect();
            match test.name {
                "defined" => (name, Vec::new()),
                "undefined" => (Vec::new(), name),
                _ => Default::default(),
            }
        }
        other => (variable_name(other).into_iter().collect(), Vec::new()),
    }
}

/// Tells whether an expression can only be a number, or fails.
fn is_number(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Const(constant) => constant.value.kind() == ValueKind::Number,
        Expr::UnaryOp(operation) => matches!(operation.op, UnaryOpKind::Neg),
        Expr::BinOp(operation) => match operation.op {
            BinOpKind::Sub | BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem => true,
            BinOpKind::Add | BinOpKind::Mul | BinOpKind::Pow => is_number(&operation.left) && is_number(&operation.right),
            _ => false,
        },
        Expr::Filter(filter) => NUMBER_FILTERS.contains(&filter.name) && (filter.args.is_empty() || filter.name == "round"),
        Expr::GetAttr(attribute) => {
            matches!(attribute.name, "index" | "index0" | "revindex" | "revindex0" | "length")
                && matches!(&attribute.expr, Expr::Var(base) if base.id == "loop")
        }
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn variables(source: &str) -> Vec<(String, bool)> {
        let analysis = analyse(source);
        assert_eq!(analysis.faults, Vec::<String>::new(), "{source}");
        analysis.variables.into_iter().collect()
    }

    fn fault(source: &str) -> String {
        analyse(source).faults.into_iter().next().unwrap_or_default()
    }

    fn found(pairs: &[(&str, bool)]) -> Vec<(String, bool)> {
        pairs.iter().map(|(name, has_default)| ((*name).to_owned(), *has_default)).collect()
    }

    #[test]
    fn plain_uses_need_a_value_and_defaults_and_guards_do_not() {
        assert_eq!(
            variables("{{ a }}{{ contact.b|upper }}{{ organization.name }}"),
            found(&[("a", false), ("b", false), ("organization.name", false)])
        );
        assert_eq!(variables("{{ a|default('x') }}{{ contact['b']|d(c) }}"), found(&[("a", true), ("b", true), ("c", false)]));
        assert_eq!(variables("{% if a %}{{ a }}{% endif %}"), found(&[("a", true)]));
        assert_eq!(
            variables("{% if a is defined and b %}{{ a ~ b }}{% else %}{{ c }}{% endif %}"),
            found(&[("a", true), ("b", true), ("c", false)])
        );
        assert_eq!(variables("{% if not a %}none{% else %}{{ a }}{% endif %}"), found(&[("a", true)]));
        assert_eq!(variables("{{ a or 'friend' }}{{ b if b else 'x' }}"), found(&[("a", true), ("b", true)]));
        assert_eq!(variables("{% if a %}{{ a }}{% endif %}{{ a }}"), found(&[("a", false)]));
        assert_eq!(variables("{% if a == 'DE' %}x{% endif %}"), found(&[("a", false)]));
    }

    #[test]
    fn names_that_the_template_makes_itself_are_not_variables() {
        assert_eq!(
            variables("{% for item in items %}{{ loop.index }}{{ item.price }}{{ loop.cycle('a', 'b') }}{% endfor %}"),
            found(&[("items", false)])
        );
        assert_eq!(variables("{% set greeting = name|default('x') %}{{ greeting }}"), found(&[("name", true)]));
        assert_eq!(variables("{% with a = b %}{{ a }}{% endwith %}"), found(&[("b", false)]));
        assert_eq!(variables("{% for item in items %}{% endfor %}{{ item }}"), found(&[("item", false), ("items", false)]));
    }

    #[test]
    fn what_could_take_unbounded_memory_is_refused() {
        let doubling = format!("{{% set a = name %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(10));
        assert!(fault(&doubling).contains("joins more than"));
        let hidden = format!("{{% set a = name %}}{}{{{{ a }}}}", "{% if x %}{% set a = [a, a]|join %}{% endif %}".repeat(10));
        assert!(fault(&hidden).contains("joins more than"));
        for source in ["{{ 'a' * 100000000 }}", "{{ name * 9 }}", "{{ 9 * name }}", "{{ ('a' ~ 2) * 3 }}", "{{ name|int('aaaa') * 9999 }}"]
        {
            assert!(fault(source).contains("need numbers"), "{source}");
        }
        for source in [
            "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}",
            "{% set x %}y{% endset %}",
            "{% filter upper %}y{% endfilter %}",
            "{% include 'x' %}",
            "{% extends 'x' %}",
            "{% block x %}{% endblock %}",
        ] {
            assert!(fault(source).contains("only if, for"), "{source}");
        }
        assert!(fault("{{ range(99) }}").contains("cannot be called"));
        assert!(fault("{{ name|pprint }}").contains("not available"));
        assert!(fault("{{ contact }}").contains("needs a field"));
        assert!(fault("{% set contact = 1 %}").contains("cannot be set"));
    }

    #[test]
    fn numbers_may_be_multiplied() {
        assert_eq!(variables("{{ (price|float * 1.2 + 3 * 2)|round(2) }}"), found(&[("price", false)]));
    }
}
