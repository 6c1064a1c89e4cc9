//! Properties of garbled vector programs.

use gazelle_tests::fuzz;
use proptest::prelude::*;

proptest! {
    #[test]
    fn all_interpreters_agree_on_random_programs(
        program in prop::collection::vec(any::<u8>(), 3..300),
    ) {
        fuzz::programs_agree(&program);
    }
}
