//! Which stores a Pod uses: every reference that a Pod spec can make.
