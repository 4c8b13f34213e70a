//! Rules that go or stand elsewhere.

use std::collections::{HashMap, HashSet};

use super::{Beside, Session};
use crate::diagnostic::Faults;
use crate::document::Position;
use crate::firewall::{Listed, Selector};

impl Session<'_, '_, '_> {
    pub(super) fn dedupe(&mut self, selector: &Selector, ignore_comments: bool) {
        let mut seen: HashMap<String, &Listed> = HashMap::new();
        let list = self.list;
        for listed in &list.rules {
            if !selector.selects(listed.index, &listed.rule) {
                continue;
            }
            let key = if ignore_comments {
                listed.rule.deed()
            } else {
                listed.rule.to_string()
            };
            if let Some(first) = seen.get(&key) {
                let words = format!("goes, rule {} says the same", first.index);
                self.say(listed, &words);
                self.into.remove(listed.node);
            } else {
                seen.insert(key, listed);
            }
        }
    }

    pub(super) fn move_rules(
        &mut self,
        selector: &Selector,
        expect: usize,
        beside: Beside,
    ) -> Result<(), Faults> {
        let list = self.list;
        let chosen = list.expect(selector, expect)?;
        self.position(beside)?;
        let (Beside::After(at) | Beside::Before(at)) = beside;
        // The order that the list shall have; what is chosen keeps its own order.
        let indices: HashSet<usize> = chosen.iter().map(|listed| listed.index).collect();
        let is_chosen = |index: usize| indices.contains(&index);
        let anchor = match beside {
            Beside::Before(_) => (at..list.items.len()).find(|index| !is_chosen(*index)),
            Beside::After(_) => (0..=at).rev().find(|index| !is_chosen(*index)),
        };
        let mut order: Vec<usize> = (0..list.items.len())
            .filter(|index| !is_chosen(*index))
            .collect();
        let stands = anchor.and_then(|anchor| order.iter().position(|index| *index == anchor));
        let to = match (beside, stands) {
            (Beside::Before(_), Some(stands)) => stands,
            (Beside::Before(_), None) => order.len(),
            (Beside::After(_), Some(stands)) => stands + 1,
            (Beside::After(_), None) => 0,
        };
        order.splice(to..to, chosen.iter().map(|listed| listed.index));
        if order.is_sorted() {
            return Ok(());
        }
        let position = match (beside, anchor) {
            (Beside::Before(_), Some(anchor)) => Position::Before(list.items[anchor]),
            (Beside::Before(_), None) => Position::Last,
            (Beside::After(_), Some(anchor)) => Position::After(list.items[anchor]),
            (Beside::After(_), None) => Position::First,
        };
        let words = match beside {
            Beside::After(at) => format!("moved behind rule {at}"),
            Beside::Before(at) => format!("moved before rule {at}"),
        };
        for listed in chosen {
            self.into.move_to(listed.node, position);
            self.say(listed, &words);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, selector: &Selector, expect: usize) -> Result<(), Faults> {
        let list = self.list;
        list.check_index(selector.index)?;
        if let Some(node) = self.unreadable(selector) {
            self.into.remove(node);
            let index = selector.index.unwrap_or_default();
            self.said
                .push(format!("{}: rule {index} goes", list.target));
            return Ok(());
        }
        if list.select(selector).is_empty() {
            return Ok(());
        }
        for listed in list.expect(selector, expect)? {
            let words = format!("goes: {}", listed.rule);
            self.say(listed, &words);
            self.into.remove(listed.node);
        }
        Ok(())
    }
}
