//! From a syntax tree to that of the engines, and what cannot be had there.

use regex_syntax::hir::{self, Class, Hir, Look};

use super::Dialect;
use super::syntax::Node;

/// Turns a tree into one for the engines. `groups`: whether the places of groups matter.
///
/// # Errors
/// What in the pattern stands in the way.
pub(super) fn lower(node: &Node, dialect: Dialect, groups: bool) -> Result<Hir, &'static str> {
    let lowering = Lowering { dialect, groups };
    Ok(lowering.node(node, Context { last: true, group: false, outermost: true })?.hir)
}

struct Lowering {
    dialect: Dialect,
    groups: bool,
}

/// Where in the pattern a piece stands.
#[derive(Clone, Copy)]
struct Context {
    /// Nothing follows it.
    last: bool,
    /// It is in a numbered group.
    group: bool,
    /// It is the first or the last piece of the whole pattern.
    outermost: bool,
}

/// A piece for the engines.
struct Lowered {
    hir: Hir,
    /// Whether a numbered group in it can be empty.
    empty_group: bool,
}

impl Lowering {
    /// Returns `true` if groups have to be where GNU's library has them.
    fn gnu_groups(&self) -> bool {
        self.groups && self.dialect == Dialect::Posix
    }

    fn node(&self, node: &Node, context: Context) -> Result<Lowered, &'static str> {
        let plain = |hir| Ok(Lowered { hir, empty_group: false });
        match node {
            Node::Byte(class) => plain(Hir::class(Class::Bytes(class.clone()))),
            // GNU's library takes the paths through pieces behind a position in another order.
            Node::Look(_) if self.gnu_groups() && !context.outermost => {
                Err("a position within the pattern, with $number in the result")
            }
            Node::Look(look) => plain(Hir::look(*look)),
            // Where nothing follows, the newline may as well be part of the match, unless that
            // shows in a group.
            Node::End if context.last && !(context.group && self.groups) => {
                let newline = Box::new(Hir::literal(*b"\n"));
                let newline = hir::Repetition { min: 0, max: Some(1), greedy: true, sub: newline };
                plain(Hir::concat(vec![Hir::repetition(newline), Hir::look(Look::End)]))
            }
            Node::End => Err("\"$\" or \"\\Z\" before the end of the pattern"),
            Node::LineStart => Err("\"^\" with flag m and nothing behind it"),
            Node::Group(number, inner) => self.group(*number, inner, context),
            Node::Repeat { node, min, max, greedy } => {
                let context = Context { last: false, outermost: false, ..context };
                let body = self.node(node, context)?;
                self.check_repetition(&body, *min, *max)?;
                let (min, max, greedy) = (*min, *max, *greedy);
                let repetition = hir::Repetition { min, max, greedy, sub: Box::new(body.hir) };
                Ok(Lowered { hir: Hir::repetition(repetition), ..body })
            }
            Node::Concat(nodes) => self.concat(nodes, context),
            // And those through an alternation that begins with nothing.
            Node::Either(nodes)
                if self.gnu_groups()
                    && matches!(&nodes[..], [Node::Concat(first), _, ..] if first.is_empty()) =>
            {
                Err("an alternation that begins with nothing, with $number in the result")
            }
            Node::Either(nodes) => {
                let context =
                    Context { outermost: context.outermost && nodes.len() == 1, ..context };
                let lowered = nodes.iter().map(|node| self.node(node, context));
                Ok(join(lowered.collect::<Result<_, _>>()?, Hir::alternation))
            }
        }
    }

    fn group(
        &self,
        number: Option<u32>,
        inner: &Node,
        context: Context,
    ) -> Result<Lowered, &'static str> {
        let Some(index) = number else { return self.node(inner, context) };
        let context = Context { group: true, outermost: false, ..context };
        let inner = self.node(inner, context)?;
        let empty_group = inner.empty_group || can_be_empty(&inner.hir);
        let capture = hir::Capture { index, name: None, sub: Box::new(inner.hir) };
        Ok(Lowered { hir: Hir::capture(capture), empty_group })
    }

    fn concat(&self, nodes: &[Node], context: Context) -> Result<Lowered, &'static str> {
        let mut lowered: Vec<Lowered> = Vec::new();
        // Backwards, so that a piece knows what follows.
        for (i, node) in nodes.iter().enumerate().rev() {
            let more = lowered.iter().any(|next| !can_be_empty(&next.hir));
            lowered.push(match node {
                // With something behind it, it cannot be at the end.
                Node::LineStart if more => {
                    Lowered { hir: Hir::look(Look::StartLF), empty_group: false }
                }
                node => {
                    let is_last = i + 1 == nodes.len();
                    let last = context.last && is_last;
                    let outermost = context.outermost && (i == 0 || is_last);
                    self.node(node, Context { last, outermost, ..context })?
                }
            });
        }
        lowered.reverse();
        Ok(join(lowered, Hir::concat))
    }

    /// Whether groups in and behind a repetition are where the original has them.
    fn check_repetition(
        &self,
        body: &Lowered,
        min: u32,
        max: Option<u32>,
    ) -> Result<(), &'static str> {
        if !self.groups || max.is_some_and(|max| max <= 1) {
            return Ok(());
        }
        // What happens when a round matches nothing is a matter of each engine.
        if can_be_empty(&body.hir) {
            return Err("a repetition of something that can be empty, with $number in the result");
        }
        if self.gnu_groups() {
            if body.empty_group {
                return Err(
                    "a repetition with a group that can be empty, with $number in the result",
                );
            }
            // GNU's library prefers more rounds to an earlier alternative within one.
            let properties = body.hir.properties();
            let fixed = properties.minimum_len() == properties.maximum_len();
            if max.is_some_and(|max| max > min) && !fixed {
                return Err("a repetition between two numbers, with $number in the result");
            }
        }
        Ok(())
    }
}

fn join(lowered: Vec<Lowered>, joined: fn(Vec<Hir>) -> Hir) -> Lowered {
    let empty_group = lowered.iter().any(|piece| piece.empty_group);
    Lowered { hir: joined(lowered.into_iter().map(|piece| piece.hir).collect()), empty_group }
}

fn can_be_empty(hir: &Hir) -> bool {
    hir.properties().minimum_len() == Some(0)
}
