//! rollmill stf
