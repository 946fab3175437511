//! Damage to a sound file: pointers, slots and lengths that are wrong, parts that are lost, and
//! others in their place.

use super::input::Input;
use super::model::{pair, slots};

/// Where a sound file has its numbers.
struct Places {
    /// Pointers of tables that have slots.
    pointers: Vec<usize>,
    slots: Vec<usize>,
    records: Vec<usize>,
}

impl Places {
    fn of(file: &[u8]) -> Self {
        let used = (0..256).filter(|table| !slots(file, *table).is_empty());
        let slots = (0..256).flat_map(|table| slots(file, table).step_by(8)).collect();
        let (end, _) = pair(file, 0).unwrap();
        let mut records = Vec::new();
        let mut at = 2048;
        while at < end {
            records.push(at);
            let (key_len, value_len) = pair(file, at).unwrap();
            at += 8 + key_len + value_len;
        }
        Places { pointers: used.map(|table| 8 * table).collect(), slots, records }
    }
}

/// One to six changes, and then, one time in eight, the file is cut or made longer.
pub fn damage(file: &mut Vec<u8>, input: &mut Input<'_>) {
    let places = Places::of(file);
    for _ in 0..1 + input.below(6) {
        change(file, input, &places);
    }
    match input.u8() % 32 {
        28 => file.truncate(2048),
        29 => file.truncate(input.u32() as usize % file.len()),
        30 => file.resize(file.len() + 8, 0),
        31 => file.extend_from_slice(input.bytes(20)),
        _ => {}
    }
}

fn change(file: &mut [u8], input: &mut Input<'_>, places: &Places) {
    let one_of = |input: &mut Input<'_>, places: &[usize]| match places.len() {
        0 => 8 * input.below(256),
        count => places[input.below(count)],
    };
    match input.u8() % 16 {
        0 | 1 => put_number(file, one_of(input, &places.pointers), input, places),
        2 => put_number(file, 4 + one_of(input, &places.pointers), input, places),
        3 => put_number(file, 4 * input.below(512), input, places),
        4 => put_number(file, one_of(input, &places.slots), input, places),
        5 | 6 => put_number(file, 4 + one_of(input, &places.slots), input, places),
        7 | 8 => put_number(file, one_of(input, &places.records), input, places),
        9 => put_number(file, 4 + one_of(input, &places.records), input, places),
        // The end of the records.
        10 => put_number(file, 0, input, places),
        // A slot in another's place, or both in each other's.
        11 | 12 => {
            let (one, other) = (one_of(input, &places.slots), one_of(input, &places.slots));
            let slot: [u8; 8] = *file[one..].first_chunk().unwrap();
            file.copy_within(other..other + 8, one);
            if input.bool() {
                file[other..other + 8].copy_from_slice(&slot);
            }
        }
        13 => {
            let at = one_of(input, &places.slots);
            file[at..at + 8].fill(0);
        }
        14 => {
            let at = input.u32() as usize % file.len();
            let end = (at + input.below(256)).min(file.len());
            file[at..end].fill(input.u8());
        }
        _ => file[input.u32() as usize % file.len()] = input.u8(),
    }
}

/// Puts a number in the place of one: any, or near to one that means something.
fn put_number(file: &mut [u8], at: usize, input: &mut Input<'_>, places: &Places) {
    let Some((old, _)) = pair(file, at.min(file.len() - 8)) else { return };
    let near = |input: &mut Input<'_>, number: usize| {
        (number as u32).wrapping_add(input.u8().into()).wrapping_sub(8)
    };
    let number = match input.u8() % 8 {
        0 => input.u32(),
        1 => input.choice(&[0, 1, u32::MAX, u32::MAX - 15, 1 << 31, 0x2000_0001, 2040, 2048]),
        2 => near(input, file.len()),
        3 => near(input, pair(file, 0).unwrap_or_default().0),
        4 if !places.records.is_empty() => places.records[input.below(places.records.len())] as u32,
        5 => (old as u32) ^ 1 << input.below(32),
        _ => near(input, old),
    };
    let at = at.min(file.len() - 4);
    file[at..at + 4].copy_from_slice(&number.to_le_bytes());
}
