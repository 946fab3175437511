//! The text of databases: any can be read, and what it gives is dumped as a text that gives itself.

use bdb_file::{DatabaseBuilder, DumpReader, FileId, Keep, NewDatabases, TextFormat, dump_all};

use super::sound::{finish, write};
use super::verdict::problems;

pub fn check(text: &[u8]) {
    let mut plain = DumpReader::plain(text);
    while let Ok(Some((key, data))) = plain.next_pair() {
        assert!(key.len() + data.len() <= text.len());
    }
    let mut reader = DumpReader::new(text);
    let mut named = Vec::new();
    while let Ok(Some(header)) = reader.next_database() {
        let options = header.build_options().file_id(FileId::Contents);
        let mut builder = DatabaseBuilder::new(header.access_method, options);
        let read = reader.push_all(&mut builder);
        // A page size that no file can have is told when the file is planned.
        if let Some(name) = header.database {
            named.push((name, builder));
        } else if let Ok(plan) = builder.plan(Keep::Last) {
            let file = write(plan);
            assert_eq!(problems(&file).1, []);
            let once = dump(&file, header.format);
            let twice = dump(&load(&once), header.format);
            assert!(once == twice, "{}\n{}", once.escape_ascii(), twice.escape_ascii());
        }
        if read.is_err() {
            break;
        }
    }
    if let Ok(plan) = NewDatabases::plan(named, Keep::Last) {
        let mut file = Vec::new();
        plan.write_to(&mut file).unwrap();
        assert_eq!(file.len() as u64, plan.file_len());
        assert_eq!(problems(&file).1, []);
        let once = dump(&file, TextFormat::Print);
        let twice = dump(&load_all(&once), TextFormat::Print);
        assert!(once == twice, "{}\n{}", once.escape_ascii(), twice.escape_ascii());
    }
}

fn load_all(text: &[u8]) -> Vec<u8> {
    let mut reader = DumpReader::new(text);
    let mut named = Vec::new();
    while let Some(header) = reader.next_database().unwrap() {
        let mut builder = DatabaseBuilder::new(header.access_method, header.build_options());
        reader.push_all(&mut builder).unwrap();
        named.push((header.database.unwrap(), builder));
    }
    let mut file = Vec::new();
    NewDatabases::plan(named, Keep::Last).unwrap().write_to(&mut file).unwrap();
    file
}

fn dump(file: &[u8], format: TextFormat) -> Vec<u8> {
    let mut text = Vec::new();
    dump_all(file, format, &mut text).unwrap();
    text
}

fn load(text: &[u8]) -> Vec<u8> {
    let mut reader = DumpReader::new(text);
    let header = reader.next_database().unwrap().unwrap();
    let mut builder = DatabaseBuilder::new(header.access_method, header.build_options());
    reader.push_all(&mut builder).unwrap();
    assert_eq!(reader.next_database().unwrap(), None);
    finish(builder, Keep::Last)
}
