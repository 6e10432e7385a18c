//! rollmill devl1
