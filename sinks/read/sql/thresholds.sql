-- The threshold of rapid answers that holds for each question. About questions, not about persons.
SELECT
    question_id, version, ms, n, mean_ms, frozen_at, generation
FROM item_thresholds FINAL
WHERE @public() AND (question_id, version) IN (
    SELECT question_id, max(version) FROM item_thresholds GROUP BY question_id)
ORDER BY question_id
