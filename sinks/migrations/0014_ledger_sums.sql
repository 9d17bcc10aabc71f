-- Sums of the ledger by stretches of 65,536 offsets, so that it need not be read row by row. A stretch with more rows
-- than offsets has a message that was written twice and is not merged yet: readers take its rows. Merges that drop rows
-- make the sums anew.
ALTER TABLE ledger MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';

ALTER TABLE ledger ADD PROJECTION IF NOT EXISTS stretches
(
    SELECT
        cluster, topic, partition, intDiv(offset, 65536),
        count(), groupBitmap(toUInt32(modulo(offset, 65536))), sum(lines), sum(valid), sum(forwarded), sum(late),
        max(received_at)
    GROUP BY cluster, topic, partition, intDiv(offset, 65536)
);

ALTER TABLE ledger MATERIALIZE PROJECTION IF EXISTS stretches;
