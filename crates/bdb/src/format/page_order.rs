//! The order of keys on a hash page (section 12.2).

use std::cmp::Ordering;

use kv_file_core::Datum;

/// The order of keys on a sorted page: byte order, but a prefix *after* what it begins (section 12.2).
pub(crate) fn page_order(a: Datum<'_>, b: Datum<'_>) -> Ordering {
    let (long, short) = (a.len().max(b.len()), a.len().min(b.len()));
    let order = a.cmp(&b);
    // Byte order puts a prefix first; only then do the rules differ.
    if long != short && a.starts_alike(b, short) { order.reverse() } else { order }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_are_in_the_order_of_section_12_2(a in "[\0ab]{0,4}", b in "[\0ab]{0,4}", nul: bool) {
            let flat = if nul { [b.as_bytes(), b"\0"].concat() } else { b.clone().into_bytes() };
            let common = a.len().min(flat.len());
            let order = a.as_bytes()[..common].cmp(&flat[..common]).then(flat.len().cmp(&a.len()));
            prop_assert_eq!(page_order((&a).into(), Datum { bytes: b.as_bytes(), nul }), order);
        }
    }
}
