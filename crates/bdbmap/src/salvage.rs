//! `bdbmap salvage`.

use std::io::{self, Write};
use std::ops::ControlFlow;

use anyhow::Context;
use bdb_file::{DumpHeader, DumpWriter, Salvaged, TextFormat, salvage};
use serde_json::json;

use crate::Answer;
use crate::args::SalvageArgs;
use crate::output::{json_bytes, stdout, tell, write_json};
use crate::progress::Progress;

/// Prints what can still be read of a file.
pub fn run(args: &SalvageArgs) -> anyhow::Result<Answer> {
    let progress = Progress::beside_output();
    let file = args.map.open(&progress)?;
    let mut out = stdout();
    let mut printer = Printer::new(args, &mut out);
    let mut written = Ok(());
    let salvaged = salvage(file.source(), |pair| {
        written = printer.pair(&pair);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written?;
    let salvaged = salvaged.with_context(|| file.name().to_owned())?;
    printer.end()?;
    out.flush()?;
    progress.clear();
    let (certain, doubtful) = (salvaged.certain, salvaged.doubtful);
    tell(format_args!("{}: certain pairs: {certain}, doubtful: {doubtful}", file.name()));
    Ok(if doubtful == 0 && !salvaged.meta_lost { Answer::Yes } else { Answer::No })
}

/// Where pairs go, and in which form.
enum Printer<W: Write> {
    Json(W),
    Text {
        writer: DumpWriter<W>,
        /// Whether doubtful pairs are printed, too.
        doubtful: bool,
        /// That of the database at hand.
        header: DumpHeader,
        /// Whether it has been written.
        begun: bool,
    },
}

impl<W: Write> Printer<W> {
    fn new(args: &SalvageArgs, out: W) -> Self {
        if args.json {
            return Printer::Json(out);
        }
        let mut header = DumpHeader::default();
        header.format = if args.print { TextFormat::Print } else { TextFormat::Bytes };
        let writer = DumpWriter::new(out);
        Printer::Text { writer, doubtful: args.doubtful, header, begun: false }
    }

    fn pair(&mut self, pair: &Salvaged<'_>) -> io::Result<()> {
        match self {
            Printer::Json(out) => write_json(out, &object(pair)),
            Printer::Text { writer, doubtful, header, begun } => {
                let Some(key) = &pair.key else { return Ok(()) };
                if !pair.is_certain() && !*doubtful {
                    return Ok(());
                }
                let method = pair.access_method.unwrap_or_default();
                let is_same =
                    header.database.as_deref() == pair.database && header.access_method == method;
                if *begun && !is_same {
                    writer.end()?;
                    *begun = false;
                }
                if !*begun {
                    header.database = pair.database.map(<[u8]>::to_vec);
                    header.access_method = method;
                    writer.begin(header);
                    *begun = true;
                }
                writer.pair(key, &pair.data)
            }
        }
    }

    fn end(self) -> io::Result<()> {
        match self {
            Printer::Json(_) => Ok(()),
            Printer::Text { mut writer, header, begun, .. } => {
                if !begun {
                    writer.begin(&header);
                }
                writer.end()
            }
        }
    }
}

fn object(pair: &Salvaged<'_>) -> serde_json::Value {
    let doubts: Vec<_> = pair.doubts.iter().map(|doubt| doubt.code()).collect();
    json!({
        "database": pair.database.map(json_bytes),
        "key": pair.key.as_deref().map(json_bytes),
        "value": json_bytes(&pair.data),
        "page": pair.page,
        "item": pair.item,
        "doubts": doubts,
    })
}
