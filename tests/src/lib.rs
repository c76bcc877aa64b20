//! The tests of the platform as a whole stand in `it/`; this library is empty, because a package needs a target besides its tests.
