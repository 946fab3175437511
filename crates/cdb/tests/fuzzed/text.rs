//! The text of records: any can be read, and what is read is printed as it was.

use cdb_file::{Cdb, Keep, TextReader, dump};

use super::building::build;
use super::model::Records;

pub fn check(text: &[u8]) {
    let mut rest = text;
    let mut records = Records::new();
    let mut start = text;
    let mut whole = false;
    loop {
        // A reader for each record: what it leaves shows where the record ends.
        let mut reader = TextReader::new(&mut rest);
        match reader.next_record() {
            Ok(Some((key, value))) => records.push((key.to_vec(), value.to_vec())),
            Ok(None) => {
                assert!(reader.next_record().unwrap().is_none(), "an end stays one");
                whole = true;
                break;
            }
            Err(_) => break,
        }
        let read = &start[..start.len() - rest.len()];
        start = rest;
        assert_is_printed(records.last().unwrap(), read);
    }
    let (file, _) = build(&records, Keep::All);
    let mut printed = Vec::new();
    dump(&Cdb::open(&file).unwrap(), &mut printed).unwrap();
    let mut once: Vec<u8> = records.iter().flat_map(print).collect();
    once.push(b'\n');
    assert_eq!(printed, once);

    // One reader for all sees the same.
    let mut reader = TextReader::new(text);
    for (key, value) in &records {
        assert_eq!(reader.next_record().unwrap(), Some((&key[..], &value[..])));
    }
    assert_eq!(reader.next_record().is_ok_and(|end| end.is_none()), whole);
}

fn print((key, value): &(Vec<u8>, Vec<u8>)) -> Vec<u8> {
    let lens = format!("+{},{}:", key.len(), value.len());
    [lens.as_bytes(), key, b"->", value, b"\n"].concat()
}

/// A length may begin with zeros. Nothing else is printed in another way than it was read.
fn assert_is_printed(record: &(Vec<u8>, Vec<u8>), read: &[u8]) {
    let printed = print(record);
    let items = record.0.len() + record.1.len() + b":->\n".len();
    let lens = |text: &[u8]| -> Vec<u64> {
        let lens = text[1..text.len() - items].split(|byte| *byte == b',');
        lens.map(|len| str::from_utf8(len).unwrap().parse().unwrap()).collect()
    };
    assert_eq!(read[read.len() - items..], printed[printed.len() - items..]);
    assert_eq!((read[0], lens(read)), (printed[0], lens(&printed)));
}
