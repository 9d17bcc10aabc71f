-- Sums of the ledger, so that it need not be read row by row. Of 65,536 offsets of a partition and a quarter of an hour
-- of receipt: how many rows, which offsets, and what they add up to. Where there are more rows than offsets a message was
-- written twice and not merged yet: there readers take the rows themselves. Every zone begins its days at a quarter of an
-- hour. Merges that drop rows make the sums of what is left anew.
ALTER TABLE ledger MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild';

ALTER TABLE ledger ADD PROJECTION IF NOT EXISTS sums
(
    SELECT
        cluster, topic, partition, intDiv(offset, 65536), toStartOfFifteenMinutes(received_at),
        count(), groupBitmap(toUInt32(modulo(offset, 65536))), sum(lines), sum(valid), sum(forwarded), sum(late),
        max(received_at)
    GROUP BY cluster, topic, partition, intDiv(offset, 65536), toStartOfFifteenMinutes(received_at)
);

ALTER TABLE ledger MATERIALIZE PROJECTION IF EXISTS sums;
