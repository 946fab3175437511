//! Making the pages of a planned tree, each once and in the order of their numbers.

use kv_file_core::Datum;

use super::page::TreePage;
use super::{NewTree, RecordItem, Records};
use crate::format::item::BigRef;
use crate::format::page::Header;
use crate::format::tree_item::{Child, NewContent, push_tree_reference};
use crate::new_pages::NewPages;

/// Makes the pages of a tree, some at a time.
///
/// Twice it goes from the root down, level by level, and on each level from the first page to the
/// last: first it makes these pages, then what they refer to off the page. Since that comes in the
/// order in which it is referred to, its page numbers are known before it is made.
pub(crate) struct TreeMaker<'p, R> {
    tree: &'p NewTree<R>,
    items: TreePage,
    /// What is to be made next; `None` after the last.
    next: Option<Step>,
    /// The number of the next page.
    number: u32,
    /// The number of the first page on the level below.
    children: u32,
    /// The number of the next page to which a page of the tree can refer as being off the page.
    off_page: u32,
}

/// A page of the tree, and what of it is to be made.
#[derive(Clone, Copy)]
struct Step {
    part: Part,
    height: usize,
    node: usize,
}

#[derive(Clone, Copy)]
enum Part {
    Page,
    OffPage,
}

impl<'p, R: Records> TreeMaker<'p, R> {
    /// Starts with the root, on page `root`.
    pub(super) fn new(tree: &'p NewTree<R>, root: u32) -> Self {
        let own_pages: usize = tree.levels.iter().map(Vec::len).sum();
        TreeMaker {
            tree,
            items: TreePage::default(),
            next: Some(Step { part: Part::Page, height: tree.height() - 1, node: 0 }),
            number: root,
            children: root + 1,
            off_page: root + own_pages as u32,
        }
    }

    /// Adds the next pages: one, or all that one refers to. Returns `true` if there may be more.
    pub fn make_next(&mut self, pages: &mut NewPages) -> bool {
        let Some(step) = self.next else { return false };
        let Step { part, height, node } = step;
        match (part, height) {
            (Part::Page, 0) => self.make_leaf(node, pages),
            (Part::Page, _) => self.make_internal(height, node, pages),
            (Part::OffPage, 0) => self.make_off_leaf(node, pages),
            (Part::OffPage, _) => {
                for key in self.tree.separators(height, node) {
                    self.make_chain(key, pages);
                }
            }
        }
        self.next = self.after(step);
        self.next.is_some()
    }

    fn after(&mut self, Step { part, height, node }: Step) -> Option<Step> {
        if node + 1 < self.tree.levels[height].len() {
            return Some(Step { part, height, node: node + 1 });
        }
        if let Some(height) = height.checked_sub(1) {
            self.children = self.number + self.tree.levels[height].len() as u32;
            return Some(Step { part, height, node: 0 });
        }
        match part {
            Part::Page if self.tree.off_page > 0 => {
                Some(Step { part: Part::OffPage, height: self.tree.height() - 1, node: 0 })
            }
            _ => None,
        }
    }

    fn make_leaf(&mut self, node: usize, pages: &mut NewPages) {
        let tree = self.tree;
        let order = tree.shape.layout.order;
        let records = tree.below(0, node);
        tree.records.touch(records.clone());
        for record in records {
            let key = self.items.next_item();
            tree.records.items(record, |item| match item {
                RecordItem::Bytes(stored) => {
                    self.content(stored).push_leaf(self.items.start_item(), order);
                }
                RecordItem::SameKey => self.items.repeat(key),
                RecordItem::Tree(tree) => {
                    push_tree_reference(self.items.start_item(), self.off_page, order);
                    self.off_page += tree.page_count() as u32;
                }
            });
        }
        let header = Header {
            prev: if node > 0 { self.number - 1 } else { 0 },
            next: if node + 1 < tree.levels[0].len() { self.number + 1 } else { 0 },
            level: 1,
            kind: tree.shape.kind.leaf(),
            ..self.header()
        };
        self.finish(header, pages);
    }

    fn make_internal(&mut self, height: usize, node: usize, pages: &mut NewPages) {
        let tree = self.tree;
        let order = tree.shape.layout.order;
        let kind = tree.shape.kind;
        let below = tree.below(height, node);
        for page in below.clone() {
            let records =
                if kind.counts() { tree.records_under(height - 1, page as usize) } else { 0 };
            let child = Child { page: self.children + page, records };
            if kind.is_sorted() {
                let is_first = page == below.start;
                let key = if is_first { Datum::EMPTY } else { tree.separator(height - 1, page) };
                self.content(key).push_internal(self.items.start_item(), child, order);
            } else {
                child.push(self.items.start_item(), order);
            }
        }
        let is_root = height + 1 == tree.height();
        let header = Header {
            prev: if is_root && kind.counts() { tree.records.count() } else { 0 },
            level: height as u8 + 1,
            kind: kind.internal(),
            ..self.header()
        };
        self.finish(header, pages);
    }

    /// Makes what the records of a leaf have off the page.
    fn make_off_leaf(&mut self, node: usize, pages: &mut NewPages) {
        for record in self.tree.below(0, node) {
            self.tree.records.items(record, |item| match item {
                RecordItem::Bytes(stored) => self.make_chain(stored, pages),
                RecordItem::SameKey => {}
                RecordItem::Tree(tree) => {
                    tree.make(self.number, pages);
                    self.number += tree.page_count() as u32;
                }
            });
        }
    }

    /// What a page says of a key or data: its bytes, or where they will be.
    fn content<'d>(&mut self, stored: Datum<'d>) -> NewContent<'d> {
        match self.tree.shape.chain_pages(stored.len()) {
            0 => NewContent::Plain(stored.pieces()),
            chain => {
                let big = BigRef { first: self.off_page, len: stored.len() as u32 };
                self.off_page += chain;
                NewContent::Big(big)
            }
        }
    }

    /// Makes the pages of a key or data, if it is big.
    fn make_chain(&mut self, stored: Datum<'_>, pages: &mut NewPages) {
        if self.tree.shape.chain_pages(stored.len()) > 0 {
            self.number = pages.chain(stored, self.number);
        }
    }

    /// What the headers of all pages have in common.
    fn header(&self) -> Header {
        Header {
            number: self.number,
            prev: 0,
            next: 0,
            entries: 0,
            high_offset: 0,
            level: 0,
            kind: 0,
        }
    }

    fn finish(&mut self, header: Header, pages: &mut NewPages) {
        self.items.finish(header, pages);
        self.number += 1;
    }
}
