//! rollmill coordinator
