//! How much is tried of what would take long.

/// Each fifth of all things, or every one if `MAP_TESTS_ALL` is set.
///
/// Where things are made in nested loops over two, three or four choices each, none of the choices
/// is left out.
pub fn sample<T>(things: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    let all = std::env::var_os("MAP_TESTS_ALL").is_some();
    things.step_by(if all { 1 } else { 5 })
}
