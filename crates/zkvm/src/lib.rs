//! rollmill zkvm
