//! rollmill l1
