//! One test for each of the six policies: shared by the test binaries, which name this file by its path.

/// Makes a test of each generic function, for each of the six policies.
macro_rules! for_each_policy {
    ($($test:ident)*) => {
        for_each_policy!{@ insertion Insertion: $($test)*}
        for_each_policy!{@ deletion Deletion: $($test)*}
        for_each_policy!{@ roots_first RootsFirst: $($test)*}
        for_each_policy!{@ hybrid Hybrid: $($test)*}
        for_each_policy!{@ watermark Watermark: $($test)*}
        for_each_policy!{@ stop_the_world StopTheWorld: $($test)*}
    };
    (@ $module:ident $policy:ident: $($test:ident)*) => {
        mod $module {
            $(#[test] fn $test() { super::$test::<grisaille::$policy>(); })*
        }
    };
}
pub(crate) use for_each_policy;
