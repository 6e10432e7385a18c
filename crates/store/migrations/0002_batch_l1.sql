-- Where on L1 a batch was committed and settled; null before, and for batches that were recorded before this step.
ALTER TABLE batches ADD COLUMN committed_block INTEGER;
ALTER TABLE batches ADD COLUMN committed_tx BLOB CHECK (length(committed_tx) = 32);
ALTER TABLE batches ADD COLUMN settled_block INTEGER;
ALTER TABLE batches ADD COLUMN settled_tx BLOB CHECK (length(settled_tx) = 32);
