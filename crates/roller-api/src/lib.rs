//! rollmill roller-api
