//! Databases of either kind, which have the same functions: as one trait, so that what is asked of
//! one is asked of the other.

use std::borrow::Cow;

use bdb_file::{BtreeDb, BtreeUpdate, Changes, Datum, Error, HashDb, HashUpdate, Keep, Source};

/// A key and its data.
pub type Lent<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// A database that is read.
pub trait Database<S>: Sized {
    fn open(file: S) -> Result<Self, Error>;
    fn open_named(file: S, name: &[u8]) -> Result<Self, Error>;
    fn iter(&self) -> impl Iterator<Item = Result<Lent<'_>, Error>>;
    fn get<'k>(&self, key: impl Into<Datum<'k>>) -> Result<Option<Cow<'_, [u8]>>, Error>;
    fn get_all(
        &self,
        key: &[u8],
    ) -> Result<impl Iterator<Item = Result<Cow<'_, [u8]>, Error>>, Error>;
    fn get_many<'k, K>(
        &self,
        keys: &'k [K],
    ) -> impl ExactSizeIterator<Item = Result<Option<Cow<'_, [u8]>>, Error>>
    where
        &'k K: Into<Datum<'k>>;
    /// Makes out the figures.
    fn count(&self) -> Result<(), Error>;
}

/// A database that is changed.
pub trait Update<S>: Sized {
    fn open(file: S) -> Result<Self, Error>;
    fn put(&mut self, key: &[u8], data: &[u8], keep: Keep) -> Result<bool, Error>;
    fn delete(&mut self, key: &[u8]) -> Result<bool, Error>;
    fn finish(self) -> Result<Changes, Error>;
}

macro_rules! kinds {
    ($($database:ident, $update:ident;)*) => { $(
        impl<S: Source> Database<S> for $database<S> {
            fn open(file: S) -> Result<Self, Error> {
                $database::open(file)
            }

            fn open_named(file: S, name: &[u8]) -> Result<Self, Error> {
                $database::open_named(file, name)
            }

            fn iter(&self) -> impl Iterator<Item = Result<Lent<'_>, Error>> {
                $database::iter(self)
            }

            fn get<'k>(&self, key: impl Into<Datum<'k>>) -> Result<Option<Cow<'_, [u8]>>, Error> {
                $database::get(self, key)
            }

            fn get_all(
                &self,
                key: &[u8],
            ) -> Result<impl Iterator<Item = Result<Cow<'_, [u8]>, Error>>, Error> {
                $database::get_all(self, key)
            }

            fn get_many<'k, K>(
                &self,
                keys: &'k [K],
            ) -> impl ExactSizeIterator<Item = Result<Option<Cow<'_, [u8]>>, Error>>
            where
                &'k K: Into<Datum<'k>>,
            {
                $database::get_many(self, keys)
            }

            fn count(&self) -> Result<(), Error> {
                self.stat().map(drop)
            }
        }

        impl<S: Source> Update<S> for $update<S> {
            fn open(file: S) -> Result<Self, Error> {
                $update::open(file)
            }

            fn put(&mut self, key: &[u8], data: &[u8], keep: Keep) -> Result<bool, Error> {
                $update::put(self, key, data, keep)
            }

            fn delete(&mut self, key: &[u8]) -> Result<bool, Error> {
                $update::delete(self, key)
            }

            fn finish(self) -> Result<Changes, Error> {
                $update::finish(self)
            }
        }
    )* };
}

kinds! {
    HashDb, HashUpdate;
    BtreeDb, BtreeUpdate;
}
