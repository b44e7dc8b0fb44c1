//! Where a Pod may run: candidate places over the nodes.
