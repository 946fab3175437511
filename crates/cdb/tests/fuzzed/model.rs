//! The format in the plainest words: what a file holds, and where.

use std::collections::BTreeMap;
use std::ops::Range;

pub type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// The values of each key, in the order of the records.
pub fn values(records: &Records) -> BTreeMap<&[u8], Vec<&[u8]>> {
    let mut values: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
    for (key, value) in records {
        values.entry(key).or_default().push(value);
    }
    values
}

pub fn hash(key: &[u8]) -> u32 {
    key.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33) ^ u32::from(*byte))
}

/// The file of these records, made as the specification says it (section 5).
pub fn file(records: &Records) -> Vec<u8> {
    let mut file = vec![0; 2048];
    let mut tables = vec![Vec::new(); 256];
    for (key, value) in records {
        let hash = hash(key);
        tables[(hash & 0xff) as usize].push((hash, file.len() as u32));
        for len in [key.len(), value.len()] {
            file.extend_from_slice(&(len as u32).to_le_bytes());
        }
        file.extend_from_slice(key);
        file.extend_from_slice(value);
    }
    for (number, records) in tables.iter().enumerate() {
        let mut slots = vec![(0u32, 0u32); 2 * records.len()];
        for (hash, position) in records {
            let mut slot = (hash >> 8) as usize % slots.len();
            while slots[slot].1 != 0 {
                slot = (slot + 1) % slots.len();
            }
            slots[slot] = (*hash, *position);
        }
        let pair = |one: u32, other: u32| [one.to_le_bytes(), other.to_le_bytes()].concat();
        let pointer = pair(file.len() as u32, slots.len() as u32);
        file[number * 8..][..8].copy_from_slice(&pointer);
        file.extend(slots.iter().flat_map(|(hash, position)| pair(*hash, *position)));
    }
    file
}

/// Two numbers, where the file has them.
pub fn pair(file: &[u8], at: usize) -> Option<(usize, usize)> {
    let [a, b, c, d, e, f, g, h] = *file.get(at..)?.first_chunk()?;
    let number = |bytes| u32::from_le_bytes(bytes) as usize;
    Some((number([a, b, c, d]), number([e, f, g, h])))
}

/// Where the records end.
fn end(file: &[u8]) -> usize {
    pair(file, 0).unwrap_or_default().0
}

/// Where the slots of a table lie: anywhere, if the file is damaged.
pub fn slots(file: &[u8], table: usize) -> Range<usize> {
    let (at, slots) = pair(file, 8 * table).unwrap_or_default();
    at..at + 8 * slots
}

/// The key and value at a position.
pub fn record(file: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let (key_len, value_len) = pair(file, at)?;
    let records = file.get(..end(file)).filter(|_| at >= 2048)?;
    records.get(at + 8..at + 8 + key_len + value_len).map(|both| both.split_at(key_len))
}

/// What a lookup is to find in a file that can be opened; an error where it meets damage.
pub fn find<'f>(file: &'f [u8], key: &[u8]) -> Result<Option<&'f [u8]>, ()> {
    let hash = hash(key);
    let slots = slots(file, (hash & 0xff) as usize);
    if slots.is_empty() {
        return Ok(None);
    }
    let bytes = file.get(slots.clone()).filter(|_| slots.start >= end(file)).ok_or(())?;
    let count = bytes.len() / 8;
    for step in 0..count {
        let slot = ((hash >> 8) as usize + step) % count;
        let (slot_hash, position) = pair(bytes, 8 * slot).ok_or(())?;
        if position == 0 {
            break;
        }
        if slot_hash == hash as usize {
            let (found, value) = record(file, position).ok_or(())?;
            if found == key {
                return Ok(Some(value));
            }
        }
    }
    Ok(None)
}

/// Keys of records that slots lead to.
pub fn keys(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slots = (0..256).flat_map(|table| slots(file, table).step_by(8).take(8));
    slots.filter_map(|slot| Some(record(file, pair(file, slot)?.1)?.0))
}
