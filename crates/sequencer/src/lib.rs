//! rollmill sequencer
