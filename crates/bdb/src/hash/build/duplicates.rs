//! Several data items of one key in a new table: as a set on the page, or in a tree of their own
//! (section 9).

use kv_file_core::{Datum, Entries};

use super::arrange::Place;
use crate::error::{ErrorKind, Result};
use crate::format::ByteOrder;
use crate::hash::layout::is_big;

/// What the data of a key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One data item.
    Plain,
    /// A set of data items, as it lies on a page.
    Set,
    /// Several data items that need a tree of their own, as the indices of the entries that have
    /// them.
    Tree,
}

/// The keys of a new table, each with all its data: entries by their indices, and behind them those
/// that have been made of several with the same key.
#[derive(Debug)]
pub(super) struct Keys<'t> {
    entries: Entries<'t>,
    joined: Vec<Joined>,
}

#[derive(Debug)]
struct Joined {
    /// An entry that has the key.
    first: u32,
    form: Form,
    data: Vec<u8>,
}

impl<'t> Keys<'t> {
    pub fn new(entries: Entries<'t>) -> Self {
        Keys { entries, joined: Vec::new() }
    }

    pub fn entries(&self) -> &Entries<'t> {
        &self.entries
    }

    #[inline]
    fn joined(&self, index: u32) -> Option<&Joined> {
        self.joined.get(index.checked_sub(self.entries.len())? as usize)
    }

    #[inline]
    pub fn key(&self, index: u32) -> Datum<'_> {
        self.entries.key(self.joined(index).map_or(index, |joined| joined.first))
    }

    #[inline]
    pub fn data(&self, index: u32) -> Datum<'_> {
        match self.joined(index) {
            Some(joined) => Datum::from(&joined.data),
            None => self.entries.data(index),
        }
    }

    #[inline]
    pub fn form(&self, index: u32) -> Form {
        self.joined(index).map_or(Form::Plain, |joined| joined.form)
    }

    /// Lengths of key and data, without a look at their bytes.
    #[inline]
    pub fn lens(&self, index: u32) -> (usize, usize) {
        match self.joined(index) {
            Some(joined) => (self.entries.lens(joined.first).0, joined.data.len()),
            None => self.entries.lens(index),
        }
    }

    /// The data items of a key of the form [`Form::Tree`].
    pub fn tree_items(&self, index: u32) -> Vec<Datum<'_>> {
        let (indices, _) = self.data(index).bytes.as_chunks();
        indices.iter().map(|index| self.data(u32::from_le_bytes(*index))).collect()
    }

    /// Adds a key that is made of several entries with the same: with their data as a set, as it
    /// lies on a page, or as their indices. Returns its index.
    fn join(&mut self, indices: &[u32], set: Option<Vec<u8>>) -> Result<u32> {
        let index = self.entries.len().checked_add(self.joined.len() as u32);
        let index = index.filter(|index| *index < u32::MAX).ok_or(ErrorKind::TooLarge)?;
        let form = if set.is_some() { Form::Set } else { Form::Tree };
        let indices_as_bytes = || indices.iter().flat_map(|index| index.to_le_bytes()).collect();
        let data: Vec<u8> = set.unwrap_or_else(indices_as_bytes);
        u32::try_from(data.len()).map_err(|_| ErrorKind::TooLarge)?;
        self.joined.push(Joined { first: indices[0], form, data });
        Ok(index)
    }
}

/// Makes one entry of all with the same key, which lie one behind the other.
pub(super) fn join(
    places: &mut Vec<Place>,
    keys: &mut Keys<'_>,
    page_size: usize,
    order: ByteOrder,
) -> Result<()> {
    let (mut read, mut written) = (0, 0);
    while let Some(first) = places.get(read).copied() {
        let key = keys.key(first.index());
        let is_same =
            |place: &&Place| place.bucket() == first.bucket() && keys.key(place.index()) == key;
        let same = places[read..].iter().take_while(is_same);
        let indices: Vec<u32> = same.map(|place| place.index()).collect();
        places[written] = match indices[..] {
            [_] => first,
            _ => {
                let set = set(&keys.entries, &indices, page_size, order);
                Place::new(first.bucket(), keys.join(&indices, set)?)
            }
        };
        read += indices.len();
        written += 1;
    }
    places.truncate(written);
    Ok(())
}

/// The data items of some entries as a set on a page, if libdb would not give them a tree.
fn set(
    entries: &Entries<'_>,
    indices: &[u32],
    page_size: usize,
    order: ByteOrder,
) -> Option<Vec<u8>> {
    let mut set = Vec::new();
    for index in indices {
        let data = entries.data(*index);
        let mut len = [0; 2];
        order.put_u16(&mut len, 0, u16::try_from(data.len()).ok()?);
        let pieces = data.pieces();
        for piece in [&len, pieces[0], pieces[1], &len] {
            set.extend_from_slice(piece);
        }
        if is_big(set.len(), page_size) {
            return None;
        }
    }
    Some(set)
}
