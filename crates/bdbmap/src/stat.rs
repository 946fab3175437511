//! `bdbmap stat`.

use std::io::Write;

use postfix_maps::{Figure, FigureValue};
use serde_json::{Map, Value};

use crate::Answer;
use crate::args::StatArgs;
use crate::output::{stdout, write_json};
use crate::progress::Progress;

/// Prints the figures of a database.
pub fn run(args: &StatArgs) -> anyhow::Result<Answer> {
    let progress = Progress::new();
    let file = args.database.map.open(&progress)?;
    let database = file.database(args.database.database.as_deref())?;
    let figures = database.stat().map_err(|error| file.error(error))?;
    let mut out = stdout();
    if args.json {
        write_json(&mut out, &object(&figures))?;
    } else {
        let width = figures.iter().map(|figure| figure.label.len()).max().unwrap_or_default();
        for Figure { label, value, .. } in &figures {
            writeln!(out, "{label:<width$}  {value}")?;
        }
    }
    out.flush()?;
    Ok(Answer::Yes)
}

fn object(figures: &[Figure]) -> Value {
    let value = |value: &FigureValue| match value {
        FigureValue::Number(number) => (*number).into(),
        FigureValue::Flag(flag) => (*flag).into(),
        FigureValue::Word(word) => (*word).into(),
        FigureValue::Several(numbers, _) => {
            let numbers = numbers.iter().map(|(name, number)| ((*name).into(), (*number).into()));
            Value::Object(Map::from_iter(numbers))
        }
        other => other.to_string().into(),
    };
    let figures = figures.iter().map(|figure| (figure.name.into(), value(&figure.value)));
    Value::Object(Map::from_iter(figures))
}
