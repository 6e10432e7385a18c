//! rollmill engine
