//! YAML edits: whole lines in block style, elements between brackets in flow style; comments stay where they are.

use std::ops::Range;

use super::super::edit::{Child, EditError, Intent, children};
use super::super::gaps::{Bracketed, Gap, gaps};
use super::super::lines::{line_end, line_start, next_line};
use super::super::patch::Splice;
use super::super::tape::Form;
use super::super::{Cursor, Document, Kind, NodeId, Value};
use super::write::{Habits, has_elements, stays_plain, styled};

/// The splices of an edit; those of inner collections first, so that two insertions behind one line nest rightly.
pub(crate) fn edit(document: &Document, intent: &Intent) -> Result<Vec<Splice>, EditError> {
    let editor = Editor {
        document,
        text: document.text(),
        habits: Habits::of(document),
    };
    let mut splices = Vec::new();
    for (node, value) in &intent.sets {
        splices.push(editor.set(document.cursor(*node), value)?);
    }
    for (node, key) in &intent.renames {
        let key_node = NodeId(node.0 - 1);
        editor.not_shared(document.cursor(*node))?;
        let (form, span) = (document.tape().form(key_node.0), editor.key_span(*node));
        if form == Form::Block || span.is_empty() {
            return Err(EditError::unsafe_at(
                document.cursor(*node),
                "its name is not written on one line",
            ));
        }
        splices.push(Splice::new(span, styled(key, form)));
    }
    // A container behind another on the tape lies inside of it or has its lines elsewhere.
    for container in intent.children.keys().rev() {
        let cursor = document.cursor(*container);
        editor.not_shared(cursor)?;
        for child in intent.children.get(container).into_iter().flatten() {
            if let Child::Gone(node) = child
                && document.tape().is_aliased(node.0)
            {
                let cursor = document.cursor(*node);
                return Err(EditError::unsafe_at(
                    cursor,
                    "an alias elsewhere stands for it",
                ));
            }
        }
        if cursor.form() == Form::Flow {
            editor.flow(cursor, intent, &mut splices)?;
        } else if let Some(list) = intent.children.get(container) {
            editor.block(cursor, list, &mut splices)?;
        }
    }
    merge(&mut splices, document.text());
    Ok(splices)
}

struct Editor<'d> {
    document: &'d Document,
    text: &'d str,
    habits: Habits,
}

impl<'d> Editor<'d> {
    fn set(&self, cursor: Cursor<'d>, value: &Value) -> Result<Splice, EditError> {
        let node = cursor.node();
        let span = cursor.span();
        self.not_shared(cursor)?;
        if self.document.tape().is_aliased(node.0) {
            return Err(EditError::unsafe_at(
                cursor,
                "an alias elsewhere stands for a part of it",
            ));
        }
        if self.document.tape().is_bound(node.0) {
            return Err(EditError::unsafe_at(cursor, "it has a tag"));
        }
        if cursor.form() == Form::Block {
            return Err(EditError::unsafe_at(cursor, "it is a block scalar"));
        }
        let is_collection =
            matches!(cursor.kind(), Kind::Array | Kind::Object) && !cursor.is_alias();
        if span.is_empty() && cursor.node() == NodeId(0) {
            return Ok(self.first_value(value));
        }
        let in_flow = self.in_flow(cursor);
        let is_block = is_collection && cursor.form() != Form::Flow;
        if is_block {
            self.no_comment(cursor, self.behind_name(cursor)..span.end)?;
        }
        let opens = !in_flow && has_elements(value) && (is_block || !is_collection);
        if in_flow || (!is_block && !opens) {
            let mut text = match value {
                Value::String(text) if matches!(cursor.form(), Form::Single | Form::Double) => {
                    styled(text, cursor.form())
                }
                Value::String(text) if cursor.kind() == Kind::String && stays_plain(text) => {
                    text.clone()
                }
                value => self.habits.flow(value),
            };
            // Behind the colon or dash of an empty value.
            if span.is_empty() && cursor.node() != NodeId(0) {
                text.insert(0, ' ');
            }
            return Ok(Splice::new(span, text));
        }
        if opens && self.rest_of_line(span.end).contains('#') {
            return Err(EditError::unsafe_at(cursor, "a comment stands behind it"));
        }
        let Some(step) = cursor.steps().pop() else {
            let block = self.habits.block(value, "");
            // Behind `---` a block cannot begin.
            let begins_line = line_start(self.text, span.start) == span.start;
            if begins_line {
                return Ok(Splice::new(span, block));
            }
            let start = self.text[..span.start].trim_end_matches(' ').len();
            let block = format!("{}{block}", self.habits.newline);
            return Ok(Splice::new(start..span.end, block));
        };
        let container = self.document.cursor(step.container);
        let indent = self.indent(container);
        if step.key.is_none() {
            // Behind the dash; what is nested begins two columns further.
            let start = self.entry_start(container, node);
            let inner = format!("{indent}  ");
            let text = if has_elements(value) {
                self.habits.block(value, &inner)
            } else {
                self.habits.flow(value)
            };
            return Ok(Splice::new(start + 1..span.end, format!(" {text}")));
        }
        let colon = self.behind_colon(cursor)?;
        Ok(Splice::new(
            colon..span.end,
            self.habits.behind_key(value, &indent),
        ))
    }

    /// The value of a file that has none, behind its comments.
    fn first_value(&self, value: &Value) -> Splice {
        let (end, newline) = (self.text.len(), self.habits.newline);
        let lines = self.habits.block(value, "");
        let text = match self.text {
            "" => lines,
            text if text.ends_with('\n') => lines + newline,
            _ => newline.to_owned() + &lines,
        };
        Splice::new(end..end, text)
    }

    fn flow(
        &self,
        container: Cursor<'d>,
        intent: &Intent,
        splices: &mut Vec<Splice>,
    ) -> Result<(), EditError> {
        let span = |node| self.element_span(container, node);
        let render = |child: &Child, _: &str| match child {
            Child::New {
                key: Some(key),
                value,
            } => {
                let separator = if container.literal().starts_with("{\"")
                    && !container.literal().contains(' ')
                {
                    ":"
                } else {
                    ": "
                };
                format!(
                    "{}{separator}{}",
                    self.habits.flow_key(key),
                    self.habits.flow(value)
                )
            }
            Child::New { key: None, value } => self.habits.flow(value),
            Child::Gone(node) | Child::Kept(node) | Child::Moved(node) => {
                self.text[self.element_span(container, *node)].to_owned()
            }
        };
        Bracketed {
            container,
            span: &span,
            render: &render,
            space: " ",
            opened: (String::new(), String::new()),
            comments: true,
        }
        .edit(intent, splices)
    }

    fn block(
        &self,
        container: Cursor<'d>,
        list: &[Child],
        splices: &mut Vec<Splice>,
    ) -> Result<(), EditError> {
        if list.iter().all(|child| matches!(child, Child::Gone(_))) {
            splices.push(self.emptied(container)?);
            return Ok(());
        }
        for gap in gaps(list) {
            if gap.inserted.is_empty() {
                self.remove(container, &gap, splices)?;
            } else {
                self.insert(container, &gap, splices);
            }
        }
        Ok(())
    }

    /// A block collection without elements does not exist; its flow form does.
    fn emptied(&self, container: Cursor<'d>) -> Result<Splice, EditError> {
        self.no_comment(container, self.behind_name(container)..container.span().end)?;
        let empty = if container.kind() == Kind::Array {
            "[]"
        } else {
            "{}"
        };
        let end = container.span().end;
        match container.steps().pop().and_then(|step| step.key) {
            Some(_) => Ok(Splice::new(
                self.behind_colon(container)?..end,
                format!(" {empty}"),
            )),
            None => Ok(Splice::new(container.span().start..end, empty)),
        }
    }

    fn remove(
        &self,
        container: Cursor<'d>,
        gap: &Gap<'_>,
        splices: &mut Vec<Splice>,
    ) -> Result<(), EditError> {
        for node in &gap.removed {
            let start = self.entry_start(container, *node);
            let line = line_start(self.text, start);
            if self.text[line..start].trim_start_matches(' ').is_empty() {
                splices.push(Splice::new(
                    line..next_line(self.text, self.entry_end(*node)),
                    "",
                ));
                continue;
            }
            // The first entry of a mapping that begins behind a dash: what follows moves up to its place.
            let own = self.entry_end(*node);
            let end = gap
                .after
                .map_or(own, |after| self.entry_start(container, after));
            let behind = next_line(self.text, own).min(end)..end;
            if self.text[behind]
                .lines()
                .any(|line| line.trim_start().starts_with('#'))
            {
                let cursor = self.document.cursor(*node);
                return Err(EditError::unsafe_at(
                    cursor,
                    "a comment would be removed with it",
                ));
            }
            splices.push(Splice::new(start..end, ""));
            break;
        }
        Ok(())
    }

    fn insert(&self, container: Cursor<'d>, gap: &Gap<'_>, splices: &mut Vec<Splice>) {
        let indent = self.indent(container);
        let newline = self.habits.newline;
        let separator = format!("{newline}{indent}");
        let model = gap.before.or(gap.after).or(gap.removed.first().copied());
        let entries: Vec<_> = gap
            .inserted
            .iter()
            .map(|child| self.entry(container, child, &indent, model))
            .collect();
        let entries = entries.join(&separator);
        if let Some(first) = gap.removed.first() {
            let start = self.entry_start(container, *first);
            splices.push(Splice::new(
                start..line_end(self.text, self.entry_end(*first)),
                entries,
            ));
            for node in &gap.removed[1..] {
                let line = line_start(self.text, self.entry_start(container, *node));
                splices.push(Splice::new(
                    line..next_line(self.text, self.entry_end(*node)),
                    "",
                ));
            }
        } else if let Some(before) = gap.before {
            let end = line_end(self.text, self.entry_end(before));
            splices.push(Splice::new(end..end, format!("{separator}{entries}")));
        } else if let Some(after) = gap.after {
            let start = self.entry_start(container, after);
            let line = line_start(self.text, start);
            if self.text[line..start].trim_start_matches(' ').is_empty() {
                let at = self.above_comments(line, &indent);
                splices.push(Splice::new(at..at, format!("{indent}{entries}{newline}")));
            } else {
                splices.push(Splice::new(start..start, format!("{entries}{separator}")));
            }
        }
    }

    fn entry(
        &self,
        container: Cursor<'d>,
        child: &Child,
        indent: &str,
        model: Option<NodeId>,
    ) -> String {
        match child {
            Child::Gone(node) | Child::Kept(node) | Child::Moved(node) => {
                let start = self.entry_start(container, *node);
                self.text[start..line_end(self.text, self.entry_end(*node))].to_owned()
            }
            Child::New { key, value } => {
                let model = model.map(|node| self.document.cursor(node));
                let habits = self.habits.like(model);
                match key {
                    Some(key) => {
                        format!("{}:{}", habits.key(key), habits.behind_key(value, indent))
                    }
                    None if has_elements(value) => {
                        format!("- {}", habits.block(value, &format!("{indent}  ")))
                    }
                    None => format!("- {}", habits.flow(value)),
                }
            }
        }
    }

    /// The blanks before the entries of a block collection.
    fn indent(&self, container: Cursor<'d>) -> String {
        let first = children(container).next();
        let start = first.map_or(container.span().start, |first| {
            self.entry_start(container, first)
        });
        let line = line_start(self.text, start);
        self.text[line..start].chars().map(|_| ' ').collect()
    }

    /// Where the name, or the dash, of an entry stands.
    fn entry_start(&self, container: Cursor<'d>, node: NodeId) -> usize {
        if container.kind() == Kind::Object {
            return self.key_span(node).start;
        }
        let list = container.span().start;
        let column = list - line_start(self.text, list);
        let mut start = self.document.cursor(node).span().start;
        loop {
            let line = line_start(self.text, start);
            let dash = line + column;
            if dash < start && self.text.as_bytes()[dash] == b'-' || line <= list {
                return dash.min(start);
            }
            start = line - 1;
        }
    }

    /// Where the text of an entry ends, without comment and line end.
    fn entry_end(&self, node: NodeId) -> usize {
        self.document
            .cursor(node)
            .span()
            .end
            .max(self.key_end(node))
    }

    fn key_end(&self, node: NodeId) -> usize {
        match self.document.cursor(node).steps().pop() {
            Some(step) if step.key.is_some() => self.key_span(node).end,
            _ => 0,
        }
    }

    fn key_span(&self, node: NodeId) -> Range<usize> {
        self.document.tape().span(node.0.saturating_sub(1))
    }

    fn element_span(&self, container: Cursor<'d>, node: NodeId) -> Range<usize> {
        let span = self.document.cursor(node).span();
        if container.kind() == Kind::Object {
            let key = self.key_span(node);
            key.start..span.end.max(key.end)
        } else {
            span
        }
    }

    /// Where what belongs to a value begins: behind its name, or at its dash.
    fn behind_name(&self, cursor: Cursor<'d>) -> usize {
        match cursor.steps().pop() {
            Some(step) if step.key.is_some() => self.key_span(cursor.node()).end,
            Some(step) => self.entry_start(self.document.cursor(step.container), cursor.node()),
            None => cursor.span().start,
        }
    }

    fn behind_colon(&self, cursor: Cursor<'d>) -> Result<usize, EditError> {
        let end = self.key_span(cursor.node()).end;
        let rest = &self.text[end..];
        let blank = rest.len() - rest.trim_start_matches(' ').len();
        if rest[blank..].starts_with(':') {
            return Ok(end + blank + 1);
        }
        Err(EditError::unsafe_at(
            cursor,
            "no colon stands behind its name",
        ))
    }

    /// What an alias stands for is changed at one place and seen at two.
    fn not_shared(&self, cursor: Cursor<'d>) -> Result<(), EditError> {
        let tape = self.document.tape();
        let above = cursor.steps().into_iter().map(|step| step.container);
        if above
            .chain([cursor.node()])
            .any(|node| tape.is_target(node.0))
        {
            return Err(EditError::unsafe_at(
                cursor,
                "an alias elsewhere would change with it",
            ));
        }
        Ok(())
    }

    fn in_flow(&self, cursor: Cursor<'d>) -> bool {
        cursor
            .steps()
            .iter()
            .any(|step| self.document.cursor(step.container).form() == Form::Flow)
    }

    /// A comment inside of what is replaced would be lost.
    fn no_comment(&self, cursor: Cursor<'d>, range: Range<usize>) -> Result<(), EditError> {
        let is_comment = |line: &str| line.trim_start().starts_with('#') || line.contains(" #");
        if self.text[range].lines().any(is_comment) {
            return Err(EditError::unsafe_at(
                cursor,
                "a comment would be removed with it",
            ));
        }
        Ok(())
    }

    /// The first of the comment lines right above `line`, unless they open the file.
    fn above_comments(&self, line: usize, indent: &str) -> usize {
        let mut at = line;
        while at > 0 {
            let start = line_start(self.text, at - 1);
            let above = &self.text[start..at];
            if !above
                .strip_prefix(indent)
                .is_some_and(|rest| rest.starts_with('#'))
            {
                return at;
            }
            at = start;
        }
        line
    }

    fn rest_of_line(&self, at: usize) -> &str {
        &self.text[at..line_end(self.text, at)]
    }
}

/// Joins removals that touch, and lets whole lines that go take a blank line along where two would meet.
fn merge(splices: &mut Vec<Splice>, text: &str) {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let mut merged: Vec<Splice> = Vec::new();
    for splice in splices.drain(..) {
        match merged.last_mut() {
            Some(last)
                if last.text.is_empty()
                    && splice.text.is_empty()
                    && last.range.end == splice.range.start
                    && !splice.range.is_empty() =>
            {
                last.range.end = splice.range.end;
            }
            _ => merged.push(splice),
        }
    }
    for splice in merged.iter_mut().filter(|splice| splice.text.is_empty()) {
        take_blank_lines(&mut splice.range, text);
    }
    *splices = merged;
}

fn take_blank_lines(range: &mut Range<usize>, text: &str) {
    let (front, back) = (&text[..range.start], &text[range.end..]);
    let begins_line = front.is_empty() || front.ends_with('\n');
    if range.start == range.end || !begins_line {
        return;
    }
    let blank = |line: &&str| line.trim().is_empty();
    if front.is_empty() {
        range.end += back
            .split_inclusive('\n')
            .take_while(blank)
            .map(str::len)
            .sum::<usize>();
        return;
    }
    if back
        .split_inclusive('\n')
        .next()
        .is_none_or(|line| blank(&line))
    {
        range.start -= front
            .split_inclusive('\n')
            .rev()
            .take_while(blank)
            .map(str::len)
            .sum::<usize>();
    }
    // At the end of a file without last newline, the newline before goes too.
    if back.is_empty() && !text.ends_with('\n') {
        let kept = &text[..range.start];
        range.start -= if kept.ends_with("\r\n") {
            2
        } else {
            usize::from(kept.ends_with('\n'))
        };
    }
}
