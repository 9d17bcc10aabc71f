-- The latest calibration of each exam and knowledge point. About questions, not about persons.
SELECT
    kind, subject, version, calibrated_at, generation, model, n, answers, fingerprint, parameters
FROM calibrations FINAL
WHERE @public() AND (kind, subject, version) IN (
    SELECT kind, subject, max(version) FROM calibrations GROUP BY kind, subject)
ORDER BY kind, subject
