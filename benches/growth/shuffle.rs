//! An order that is none, and the same in every run (splitmix64, and Fisher and Yates).

/// Brings the items into no order.
pub fn shuffle<T>(items: &mut [T]) {
    let mut state = 7u64;
    for at in (1..items.len()).rev() {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        items.swap(at, ((mixed ^ (mixed >> 31)) % (at as u64 + 1)) as usize);
    }
}
