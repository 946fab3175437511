//! Several data items of one key in a new table: as a set on the page, or in a tree of their own (section 9).

use super::arrange::Place;
use super::entries::Entries;
use super::layout::is_big;
use crate::error::Error;
use crate::format::ByteOrder;

/// The order of the data items of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateOrder {
    /// That in which they were pushed.
    Insertion,
    /// Byte order; each is stored once.
    Sorted,
}

/// Makes one entry of all with the same key, which lie one behind the other.
pub(super) fn join(
    places: &mut Vec<Place>,
    entries: &mut Entries<'_>,
    page_size: usize,
    order: ByteOrder,
) -> Result<(), Error> {
    let (mut read, mut written) = (0, 0);
    while let Some(first) = places.get(read).copied() {
        let key = entries.key(first.index());
        let is_same =
            |place: &&Place| place.bucket() == first.bucket() && entries.key(place.index()) == key;
        let same = places[read..].iter().take_while(is_same);
        let indices: Vec<u32> = same.map(|place| place.index()).collect();
        places[written] = match indices[..] {
            [_] => first,
            _ => {
                let set = set(entries, &indices, page_size, order);
                Place::new(first.bucket(), entries.join(&indices, set)?)
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
