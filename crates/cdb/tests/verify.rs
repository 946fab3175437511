//! Each fault that verify knows, made by a change to a sound file, and what reading says of it.

use std::ops::ControlFlow;

use cdb_file::{Cdb, CdbBuilder, ErrorKind, Fault, Keep, Problem, Severity, verify};

fn build(records: &[(&str, &str)], keep: Keep) -> Vec<u8> {
    let mut builder = CdbBuilder::new();
    for (key, value) in records {
        builder.push(*key, *value).unwrap();
    }
    let mut file = Vec::new();
    builder.plan(keep).unwrap().write_to(&mut file).unwrap();
    file
}

/// The example of the specification, section 10: records at 2048, 2077 and 2100, their end at 2127,
/// tables 119, 227 and 229 of two slots each behind it.
fn example() -> Vec<u8> {
    let records =
        [("root", "admin@example.com"), ("abuse", "postmaster"), ("info@example.org", "bob")];
    build(&records, Keep::First)
}

fn problems(file: &[u8]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let verdict = verify(file, |problem| {
        problems.push(problem);
        ControlFlow::Continue(())
    });
    let damage = problems.iter().filter(|found| found.severity() == Severity::Damage).count();
    assert_eq!(verdict.unwrap().damage as usize, damage);
    problems
}

fn put(file: &mut [u8], at: usize, value: u32) {
    file[at..][..4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn each_fault_is_found() {
    const TABLE: usize = 2127;
    let pointer = |table: usize| 8 * table;
    type Change = fn(&mut Vec<u8>);
    let rows: &[(Fault, usize, Change)] = &[
        (Fault::EndOfData, 0, |file| put(file, 0, 0)),
        (Fault::Record, 2048, |file| put(file, 2048, u32::MAX)),
        (Fault::Record, 2100, |file| put(file, 2104, 4)),
        (Fault::TablePlace, pointer(119), |file| put(file, 8 * 119, 2128)),
        (Fault::TablePlace, pointer(229), |file| put(file, 8 * 229 + 4, 3)),
        (Fault::SlotPosition, TABLE + 8, |file| put(file, TABLE + 12, 2101)),
        (Fault::SlotHash, TABLE + 8, |file| file[TABLE + 8] ^= 1),
        (Fault::SlotTable, TABLE, |file| file.copy_within(TABLE + 16..TABLE + 24, TABLE)),
        (Fault::SlotTwice, TABLE + 8, |file| file.copy_within(TABLE + 8..TABLE + 16, TABLE)),
        (Fault::Unreachable, TABLE, |file| {
            file.copy_within(TABLE + 8..TABLE + 16, TABLE);
            file[TABLE + 8..TABLE + 16].fill(0);
        }),
        (Fault::NotIndexed, 2100, |file| file[TABLE + 8..TABLE + 16].fill(0)),
        (Fault::EmptySlot, TABLE, |file| put(file, TABLE, 7)),
        (Fault::Tail, 2175, |file| file.push(0)),
        (Fault::Slots, pointer(229), |file| {
            put(file, 8 * 229 + 4, 1);
            file.truncate(TABLE + 40);
            for table in 230..256 {
                put(file, 8 * table, TABLE as u32 + 40);
            }
        }),
        (Fault::Slots, pointer(255), |file| {
            put(file, 8 * 255 + 4, 1);
            file.extend([0; 8]);
        }),
    ];
    for (fault, at, change) in rows {
        let mut file = example();
        assert_eq!(problems(&file), []);
        change(&mut file);
        let found = problems(&file);
        let is_it = |found: &Problem| (found.fault, found.at) == (*fault, *at as u64);
        assert!(found.iter().any(is_it), "{fault:?} at {at}: {found:?}");
        if fault.severity() == Severity::Note {
            assert!(found.iter().all(is_it), "{fault:?} at {at}: {found:?}");
        }
    }
}

/// What `cdb -c -0` leaves of a record: no key, a value of zeros, and no slot.
#[test]
fn a_record_of_zeros_needs_no_slot() {
    let mut file = build(&[("a", "1")], Keep::All);
    let slots = file.len() - 16;
    let numbers = (0..2048).step_by(8).chain([slots + 4, slots + 12]);
    for at in numbers {
        let number = u32::from_le_bytes(file[at..][..4].try_into().unwrap());
        put(&mut file, at, if number == 0 { 0 } else { number + 10 });
    }
    file.splice(2048..2048, [0, 0, 0, 0, 2, 0, 0, 0, 0, 0]);
    let [zeroed] = problems(&file).try_into().unwrap();
    assert_eq!((zeroed.fault, zeroed.at), (Fault::Zeroed, 2048));
    // One that is found is a record like others.
    assert_eq!(problems(&build(&[("", "\0\0")], Keep::All)), []);
}

#[test]
fn records_that_no_lookup_finds_are_counted() {
    let file = build(&[("a", "1"), ("b", "2"), ("a", "3"), ("b", "4"), ("a", "5")], Keep::All);
    let [found] = problems(&file).try_into().unwrap();
    assert_eq!((found.fault, found.at, found.value), (Fault::SameKey, 2048 + 2 * 10, Some(3)));
    assert_eq!(found.severity(), Severity::Note);
    assert_eq!(problems(&build(&[("a", "1"), ("b", "2"), ("a", "3")], Keep::First)), []);
}

/// Keys whose hashes are all the same: from each state that the hash comes to, two pairs of bytes
/// lead to one other.
fn colliding(count: usize) -> Vec<Vec<u8>> {
    let step = |hash: u32, byte: u8| hash.wrapping_mul(33) ^ u32::from(byte);
    let mut hash = 5381;
    let mut keys = vec![Vec::new()];
    while keys.len() < count {
        let bytes = || (b'0'..=b'z').flat_map(|a| (b'0'..=b'z').map(move |b| [a, b]));
        let to = |[a, b]: [u8; 2]| step(step(hash, a), b);
        let one_of = |first| bytes().find(|pair| *pair != first && to(*pair) == to(first));
        let [one, other] = bytes().find_map(|one| Some([one, one_of(one)?])).unwrap();
        keys = keys
            .iter()
            .flat_map(|key| [one, other].map(|pair| [&key[..], &pair].concat()))
            .collect();
        hash = to(one);
    }
    keys.truncate(count);
    keys
}

/// Neither the builder nor verify compares each with each.
#[test]
fn all_hashes_may_be_the_same() {
    const COUNT: usize = 1 << 16;
    let keys = colliding(COUNT);
    let mut builder = CdbBuilder::new();
    for key in keys.iter().chain(&keys[..7]) {
        builder.push(key, "").unwrap();
    }
    let mut file = Vec::new();
    let start = std::time::Instant::now();
    builder.plan(Keep::All).unwrap().write_to(&mut file).unwrap();
    let [found] = problems(&file).try_into().unwrap();
    assert_eq!((found.fault, found.value), (Fault::SameKey, Some(7)));
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    let last = Cdb::open(&file).unwrap();
    assert!(last.get(&keys[COUNT - 1]).unwrap().is_some());
}

/// All slots may lead to one record with a long key, which has the hash that is looked for.
#[test]
fn a_lookup_reads_no_more_than_all_records() {
    let [one, other] = colliding(2).try_into().unwrap();
    let long = vec![b'x'; 1 << 20];
    let mut builder = CdbBuilder::new();
    builder.push(&[&one[..], &long].concat(), "value").unwrap();
    let mut file = Vec::new();
    builder.plan(Keep::All).unwrap().write_to(&mut file).unwrap();
    let slot = file.len() - 16;
    let slot = if file[slot..slot + 8] == [0; 8] { slot + 8 } else { slot };
    let slot: [u8; 8] = file[slot..][..8].try_into().unwrap();
    file.truncate(file.len() - 16);
    let slots = 1 << 18;
    put(&mut file, 8 * usize::from(slot[0]) + 4, slots);
    file.extend(slot.repeat(slots as usize));
    let database = Cdb::open(&file).unwrap();
    let start = std::time::Instant::now();
    let absent = database.get(&[&other[..], &long].concat());
    assert!(
        matches!(absent.unwrap_err().kind(), ErrorKind::Damaged(found) if found.fault == Fault::SlotTwice)
    );
    let present = [&one[..], &long].concat();
    let mut all = database.get_all(&present).unwrap();
    assert!(all.next().unwrap().is_ok());
    assert!(all.next().unwrap().is_err());
    assert!(all.next().is_none());
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

/// All pointers may lead to one long table.
#[test]
fn figures_are_of_no_more_slots_than_the_file_has() {
    let mut file = example();
    let (at, slots) = (file.len() as u32, 1 << 20);
    for table in 0..256 {
        put(&mut file, 8 * table + 4, slots);
        // The first pointer also tells where the records end.
        if table > 0 {
            put(&mut file, 8 * table, at);
        }
    }
    file.resize(file.len() + 8 * slots as usize, 1);
    let start = std::time::Instant::now();
    let error = Cdb::open(&file).unwrap().stat().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Damaged(found) if found.fault == Fault::TablePlace && found.at == 8)
    );
    assert!(start.elapsed().as_secs() < 1, "{:?}", start.elapsed());
}
