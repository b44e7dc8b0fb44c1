//! The validating webhook: review bytes in, response bytes out.
