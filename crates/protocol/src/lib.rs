//! rollmill protocol
