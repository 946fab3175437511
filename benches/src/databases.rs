//! Our readers and writers of files, which all have the same functions: as one trait, so that
//! whatever is measured is measured in every format alike.

use std::borrow::Cow;
use std::error::Error;
use std::ops::ControlFlow;

use bdb_file::{BtreeBuilder, BtreeDb, BuildOptions, HashBuilder, HashDb};
use cdb_file::{Cdb, CdbBuilder};
use kv_file_core::{Datum, Source};

/// A key and its value.
pub type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// A file of one of our formats, open.
pub trait Database: Sized + Send + Sync {
    /// The type of Postfix's tables in it.
    const NAME: &'static str;
    /// How the names of these tables' files end.
    const SUFFIX: &'static str;
    /// Whether keys and values in these tables have a NUL.
    const TERMINATED: bool;

    /// Where its bytes are.
    type Source: Source;
    /// What can go wrong.
    type Error: Error + Send + 'static;

    /// Opens a file.
    ///
    /// # Errors
    /// What the format's crate says of it.
    fn open(source: Self::Source) -> Result<Self, Self::Error>;

    /// Looks a key up.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    fn get(&self, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>, Self::Error>;

    /// Looks many keys up.
    fn get_many(
        &self,
        keys: &[Datum<'_>],
    ) -> impl Iterator<Item = Result<Option<Cow<'_, [u8]>>, Self::Error>>;

    /// Lists all keys and values.
    fn iter(&self) -> impl Iterator<Item = Result<Pair<'_>, Self::Error>>;

    /// Returns `true` if nothing is wrong with a file.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    fn is_sound(source: Self::Source) -> Result<bool, Self::Error>;

    /// Makes a file of keys and values that lie in a text, no two keys the same.
    ///
    /// # Errors
    /// As for [`open`](Self::open), where they are too many.
    fn build<'t>(
        text: &'t str,
        pairs: impl Iterator<Item = (&'t str, &'t str)>,
        file: &mut Vec<u8>,
    ) -> Result<(), Self::Error>;

    /// A key or value as the format's tables have it.
    #[inline]
    fn datum(bytes: &[u8]) -> Datum<'_> {
        Datum { bytes, nul: Self::TERMINATED }
    }

    /// A value that was found, without its NUL.
    #[inline]
    fn bare(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
        match value {
            Cow::Borrowed([value @ .., 0]) if Self::TERMINATED => Cow::Borrowed(value),
            other => other,
        }
    }
}

macro_rules! databases {
    ($($database:ident of $library:ident: $name:literal, $suffix:literal, $terminated:literal,
        $builder:expr;)*) => { $(
        impl<S: Source + Send + Sync> Database for $database<S> {
            const NAME: &'static str = $name;
            const SUFFIX: &'static str = $suffix;
            const TERMINATED: bool = $terminated;

            type Source = S;
            type Error = $library::Error;

            fn open(source: S) -> Result<Self, Self::Error> {
                $database::open(source)
            }

            #[inline]
            fn get(&self, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>, Self::Error> {
                $database::get(self, key)
            }

            #[inline]
            fn get_many(
                &self,
                keys: &[Datum<'_>],
            ) -> impl Iterator<Item = Result<Option<Cow<'_, [u8]>>, Self::Error>> {
                $database::get_many(self, keys)
            }

            #[inline]
            fn iter(&self) -> impl Iterator<Item = Result<Pair<'_>, Self::Error>> {
                $database::iter(self)
            }

            fn is_sound(source: S) -> Result<bool, Self::Error> {
                Ok($library::verify(source, |_| ControlFlow::Continue(()))?.is_sound())
            }

            fn build<'t>(
                text: &'t str,
                pairs: impl Iterator<Item = (&'t str, &'t str)>,
                file: &mut Vec<u8>,
            ) -> Result<(), Self::Error> {
                let mut builder = $builder(text.as_bytes());
                for (key, value) in pairs {
                    builder.push(Self::datum(key.as_bytes()), Self::datum(value.as_bytes()))?;
                }
                builder.plan($library::Keep::First)?.write_to(file)?;
                Ok(())
            }
        }
    )* };
}

databases! {
    HashDb of bdb_file: "hash", ".db", true, |text| HashBuilder::over(text, BuildOptions::default());
    BtreeDb of bdb_file: "btree", ".db", true, |text| BtreeBuilder::over(text, BuildOptions::default());
    Cdb of cdb_file: "cdb", ".cdb", false, CdbBuilder::over;
}
