//! rollmill runtime
