//! rollmill store
