//! Single changes of a sound btree file: each kind aims at one thing that a verifier looks at (btree
//! specification, section 12).

use fastrand::Rng;

use crate::tree_pages::*;

/// A change, or none where the file has nothing of the kind.
type Change = fn(&mut Pages, &mut Rng) -> Option<()>;

const TREE: [u8; 5] = [INTERNAL, RECNO_INTERNAL, LEAF, RECNO_LEAF, DUPLICATE_LEAF];
const LEAVES: [u8; 3] = [LEAF, RECNO_LEAF, DUPLICATE_LEAF];
const INTERNALS: [u8; 2] = [INTERNAL, RECNO_INTERNAL];

/// All kinds of change. Version 10 of the format is no damage: libdb 5.3 does not know it, and we do.
#[rustfmt::skip]
pub const MUTATIONS: &[(&str, Change)] = &[
    ("meta: number",          |f, rng| { let page = a_meta(f, rng); put_number(f, rng, page, header::NUMBER) }),
    ("meta: magic",           |f, rng| { let page = a_meta(f, rng); flip(f, rng, page, meta::MAGIC, 32) }),
    ("meta: version",         |f, rng| { let page = a_meta(f, rng); put(f, page, meta::VERSION, rng.u32(..10)) }),
    ("meta: page size",       |f, rng| { let page = a_meta(f, rng); put(f, page, meta::PAGE_SIZE, 1 << rng.u32(5..20)) }),
    ("meta: encryption",      |f, rng| { let page = a_meta(f, rng); f.put_u8(page, meta::ENCRYPTION, rng.u8(..3)); Some(()) }),
    ("meta: type",            |f, rng| { let page = a_meta(f, rng); f.put_u8(page, header::TYPE, rng.u8(..16)); Some(()) }),
    ("meta: meta flags",      |f, rng| { let page = a_meta(f, rng); let flags = f.u8(page, meta::META_FLAGS) ^ 1 << rng.u32(..8); f.put_u8(page, meta::META_FLAGS, flags); Some(()) }),
    ("meta: free list",       |f, rng| { let page = a_meta(f, rng); put_number(f, rng, page, meta::FREE) }),
    ("meta: last page",       |f, rng| { let page = a_meta(f, rng); put_number(f, rng, page, meta::LAST_PAGE) }),
    ("meta: partitions",      |f, rng| { let page = a_meta(f, rng); put(f, page, meta::PARTITIONS, rng.u32(..5)) }),
    ("meta: flags",           |f, rng| { let page = a_meta(f, rng); flip(f, rng, page, meta::FLAGS, 10) }),
    ("meta: flags, two bits", |f, rng| { let page = a_meta(f, rng); flip(f, rng, page, meta::FLAGS, 8)?; flip(f, rng, page, meta::FLAGS, 8) }),
    ("meta: minimum of keys", |f, rng| { let page = a_meta(f, rng); let value = if rng.bool() { rng.u32(..40) } else { 1 << rng.u32(..32) }; put(f, page, meta::MINIMUM_KEYS, value) }),
    ("meta: record length",   |f, rng| { let page = a_meta(f, rng); put(f, page, meta::RECORD_LEN, rng.u32(..3)) }),
    ("meta: root",            |f, rng| { let page = a_meta(f, rng); put_number(f, rng, page, meta::ROOT) }),
    ("meta: crypto magic",    |f, rng| { let page = a_meta(f, rng); put(f, page, meta::CRYPTO_MAGIC, rng.u32(..)) }),
    ("header: number",        |f, rng| { let page = any(f, rng); put_number(f, rng, page, header::NUMBER) }),
    ("header: previous",      |f, rng| { let page = any(f, rng); put_number(f, rng, page, header::PREVIOUS) }),
    ("header: next",          |f, rng| { let page = any(f, rng); put_number(f, rng, page, header::NEXT) }),
    ("header: entries",       |f, rng| { let page = any(f, rng); near(f, rng, page, header::ENTRIES) }),
    ("header: high offset",   |f, rng| { let page = any(f, rng); near(f, rng, page, header::HIGH_OFFSET) }),
    ("header: level",         |f, rng| { let page = any(f, rng); f.put_u8(page, header::LEVEL, rng.u8(..5)); Some(()) }),
    ("header: type",          |f, rng| { let page = any(f, rng); f.put_u8(page, header::TYPE, rng.u8(..16)); Some(()) }),
    ("leaf: previous",        |f, rng| { let page = one_of(f, rng, &LEAVES)?; put_number(f, rng, page, header::PREVIOUS) }),
    ("leaf: next",            |f, rng| { let page = one_of(f, rng, &LEAVES)?; put_number(f, rng, page, header::NEXT) }),
    ("leaf: fewer entries",   |f, rng| { let page = one_of(f, rng, &LEAVES)?; let n = f.entries(page).checked_sub(2)?; f.put_u16(page, header::ENTRIES, n as u16); Some(()) }),
    ("root: records",         |f, rng| { let page = one_of(f, rng, &INTERNALS)?; near32(f, rng, page, header::PREVIOUS) }),
    ("item: offset",          |f, rng| { let (page, index) = item(f, rng, &TREE)?; let slot = f.slot(index); f.put_u16(page, slot, rng.usize(..f.page_size) as u16); Some(()) }),
    ("item: offset, near",    |f, rng| { let (page, index) = item(f, rng, &TREE)?; let slot = f.slot(index); near(f, rng, page, slot) }),
    ("item: offset by 4",     |f, rng| { let (page, index) = item(f, rng, &TREE)?; let at = f.item(page, index) as u16; let slot = f.slot(index); f.put_u16(page, slot, if rng.bool() { at.wrapping_add(4) } else { at.wrapping_sub(4) }); Some(()) }),
    ("items: swapped",        |f, rng| { let (page, index) = item(f, rng, &TREE)?; let other = rng.usize(..f.entries(page)); swap(f, page, index, other) }),
    ("items: pairs swapped",  |f, rng| { let (page, index) = item(f, rng, &[LEAF])?; let (one, other) = (index & !1, rng.usize(..f.entries(page)) & !1); swap(f, page, one, other)?; swap(f, page, one + 1, other + 1) }),
    ("items: the same twice", |f, rng| { let (page, index) = item(f, rng, &TREE)?; let at = f.item(page, rng.usize(..f.entries(page))); let slot = f.slot(index); f.put_u16(page, slot, at as u16); Some(()) }),
    ("items: a key twice",    |f, rng| { let (page, index) = item(f, rng, &[LEAF])?; let key = index & !1; let at = f.item(page, key.checked_sub(2)?); let slot = f.slot(key); f.put_u16(page, slot, at as u16); Some(()) }),
    ("item: length",          |f, rng| { let (page, index) = item(f, rng, &[INTERNAL, LEAF, RECNO_LEAF, DUPLICATE_LEAF])?; let at = f.item(page, index); near(f, rng, page, at) }),
    ("item: type",            |f, rng| { let (page, index) = item(f, rng, &[INTERNAL, LEAF, RECNO_LEAF, DUPLICATE_LEAF])?; let at = f.item(page, index) + 2; f.put_u8(page, at, rng.u8(..6)); Some(()) }),
    ("item: deleted",         |f, rng| { let (page, index) = item(f, rng, &[INTERNAL, LEAF, RECNO_LEAF, DUPLICATE_LEAF])?; let at = f.item(page, index) + 2; f.put_u8(page, at, f.u8(page, at) ^ 0x80); Some(()) }),
    ("key: a byte",           |f, rng| { let (page, index) = item(f, rng, &[LEAF])?; change_byte(f, rng, page, index & !1) }),
    ("data: a byte",          |f, rng| { let (page, index) = item(f, rng, &[RECNO_LEAF, DUPLICATE_LEAF])?; change_byte(f, rng, page, index) }),
    ("big item: page",        |f, rng| { let (page, at) = of_type(f, rng, BIG)?; put_number(f, rng, page, at + 4) }),
    ("big item: length",      |f, rng| { let (page, at) = of_type(f, rng, BIG)?; near32(f, rng, page, at + 8) }),
    ("tree of duplicates: root", |f, rng| { let (page, at) = of_type(f, rng, DUPLICATE_TREE)?; put_number(f, rng, page, at + 4) }),
    ("child: page",           |f, rng| { let (page, index) = item(f, rng, &INTERNALS)?; let at = child(f, page, index); put_number(f, rng, page, at) }),
    ("child: another's page", |f, rng| { let (page, index) = item(f, rng, &INTERNALS)?; let other = rng.usize(..f.entries(page)); let (at, other) = (child(f, page, index), child(f, page, other)); let number = f.u32(page, other); put(f, page, at, number) }),
    ("child: records",        |f, rng| { let (page, index) = item(f, rng, &INTERNALS)?; let at = child(f, page, index) + 4; near32(f, rng, page, at) }),
    ("separator: a byte",     |f, rng| { let (page, index) = item(f, rng, &[INTERNAL])?; let at = f.item(page, index); let len = usize::from(f.u16(page, at)); change(f, rng, page, at + 12, len) }),
    ("separator: big, page",  |f, rng| { let (page, index) = item(f, rng, &[INTERNAL])?; let at = f.item(page, index); (f.u8(page, at + 2) == BIG).then_some(())?; put_number(f, rng, page, at + 16) }),
    ("big item: references",  |f, rng| { let page = one_of(f, rng, &[OVERFLOW])?; f.put_u16(page, header::ENTRIES, rng.u16(..4)); Some(()) }),
    ("big item: bytes of a page", |f, rng| { let page = one_of(f, rng, &[OVERFLOW])?; near(f, rng, page, header::HIGH_OFFSET) }),
    ("big item: next page",   |f, rng| { let page = one_of(f, rng, &[OVERFLOW])?; put_number(f, rng, page, header::NEXT) }),
    ("page: zeroed",          |f, rng| { let page = any(f, rng); f.page(page).fill(0); Some(()) }),
    ("page: made free",       |f, rng| { let page = any(f, rng); f.put_u8(page, header::TYPE, 0); Some(()) }),
    ("page: on the free list", |f, rng| { let page = any(f, rng); let head = f.u32(0, meta::FREE); put(f, page, header::NEXT, head)?; put(f, 0, meta::FREE, page as u32) }),
    ("page: copied",          |f, rng| { let (from, to) = (any(f, rng), any(f, rng)); f.copy_page(from, to); Some(()) }),
    ("page: copied, behind the last", |f, rng| { let (from, to) = (any(f, rng), f.count()); f.copy_page(from, to); Some(()) }),
    ("pages: swapped",        |f, rng| { let (one, other) = (any(f, rng), any(f, rng)); let page = f.page(one).to_vec(); f.copy_page(other, one); f.page(other).copy_from_slice(&page); put(f, other, header::NUMBER, other as u32) }),
    ("file: cut",             |f, rng| { let len = rng.usize(1..=f.count()) * f.page_size; f.bytes.truncate(len); Some(()) }),
    ("file: cut, as page 0 says", |f, rng| { let last = rng.usize(..f.count()); f.bytes.truncate((last + 1) * f.page_size); put(f, 0, meta::LAST_PAGE, last as u32) }),
    ("any byte",              |f, rng| { let (page, at) = (any(f, rng), rng.usize(..f.page_size)); f.put_u8(page, at, rng.u8(..)); Some(()) }),
    ("any byte of a header",  |f, rng| { let (page, at) = (rng.usize(..f.count()), rng.usize(..40)); f.put_u8(page, at, rng.u8(..)); Some(()) }),
];

/// A page that is not page 0.
fn any(file: &Pages, rng: &mut Rng) -> usize {
    rng.usize(1..file.count())
}

fn one_of(file: &Pages, rng: &mut Rng, kinds: &[u8]) -> Option<usize> {
    rng.choice(file.of_kinds(kinds))
}

/// Page 0, or another meta page.
fn a_meta(file: &Pages, rng: &mut Rng) -> usize {
    let metas = file.of_kinds(&[BTREE_META, HASH_META]);
    if rng.bool() { 0 } else { rng.choice(metas).unwrap_or_default() }
}

/// An item of a page that has one.
fn item(file: &Pages, rng: &mut Rng, kinds: &[u8]) -> Option<(usize, usize)> {
    let mut pages = file.of_kinds(kinds);
    pages.retain(|page| file.entries(*page) > 0);
    let page = rng.choice(pages)?;
    Some((page, rng.usize(..file.entries(page))))
}

/// A page and the place of an item of this type.
fn of_type(file: &Pages, rng: &mut Rng, item_type: u8) -> Option<(usize, usize)> {
    let pages = file.of_kinds(&LEAVES);
    let places = pages.iter().flat_map(|page| {
        let items = file.items(*page, item_type).into_iter();
        items.map(|index| (*page, file.item(*page, index)))
    });
    rng.choice(places.collect::<Vec<_>>())
}

/// Where the page of an internal entry stands.
fn child(file: &Pages, page: usize, index: usize) -> usize {
    let at = file.item(page, index);
    if file.kind(page) == INTERNAL { at + 4 } else { at }
}

fn put(file: &mut Pages, page: usize, at: usize, value: u32) -> Option<()> {
    file.put_u32(page, at, value);
    Some(())
}

/// Puts the number of a page, or one that is near.
fn put_number(file: &mut Pages, rng: &mut Rng, page: usize, at: usize) -> Option<()> {
    let last = file.count() as u32 - 1;
    let value = match rng.u8(..8) {
        0 => 0,
        1 => last + 1,
        2 => u32::MAX,
        3 => page as u32,
        4 => file.u32(page, at).wrapping_add(1),
        _ => rng.u32(..=last),
    };
    put(file, page, at, value)
}

fn flip(file: &mut Pages, rng: &mut Rng, page: usize, at: usize, bits: u32) -> Option<()> {
    let value = file.u32(page, at) ^ 1 << rng.u32(..bits);
    put(file, page, at, value)
}

/// Puts a number that is not far from the one before.
fn near(file: &mut Pages, rng: &mut Rng, page: usize, at: usize) -> Option<()> {
    let by = if rng.bool() { rng.u16(1..5) } else { rng.u16(..) };
    let value = file.u16(page, at);
    file.put_u16(
        page,
        at,
        if rng.bool() { value.wrapping_add(by) } else { value.wrapping_sub(by) },
    );
    Some(())
}

fn near32(file: &mut Pages, rng: &mut Rng, page: usize, at: usize) -> Option<()> {
    let by = if rng.bool() { rng.u32(1..5) } else { rng.u32(..) };
    let value = file.u32(page, at);
    put(file, page, at, if rng.bool() { value.wrapping_add(by) } else { value.wrapping_sub(by) })
}

fn swap(file: &mut Pages, page: usize, one: usize, other: usize) -> Option<()> {
    let [first, second] = [one, other].map(|index| file.item(page, index) as u16);
    let [one, other] = [one, other].map(|index| file.slot(index));
    file.put_u16(page, one, second);
    file.put_u16(page, other, first);
    Some(())
}

/// Changes one of the bytes of a plain item of a leaf.
fn change_byte(file: &mut Pages, rng: &mut Rng, page: usize, index: usize) -> Option<()> {
    let at = file.item(page, index);
    (file.u8(page, at + 2) == PLAIN).then_some(())?;
    let len = usize::from(file.u16(page, at));
    change(file, rng, page, at + 3, len)
}

fn change(file: &mut Pages, rng: &mut Rng, page: usize, at: usize, len: usize) -> Option<()> {
    let at = at + rng.usize(..len.max(1));
    (len > 0 && at < file.page_size).then_some(())?;
    file.put_u8(page, at, rng.u8(..));
    Some(())
}
