//! From what users write to values that are right: the only maker of `core` values; every error names a field.
