-- Of each exam and knowledge point the calibration before its latest one. About questions, not about persons.
SELECT
    kind, subject, version, calibrated_at, generation, model, n, answers, fingerprint, parameters
FROM calibrations FINAL
WHERE @public() AND (kind, subject, version) IN (
    SELECT kind, subject, arrayReverseSort(groupUniqArray(version))[2]
    FROM calibrations GROUP BY kind, subject HAVING uniqExact(version) > 1)
ORDER BY kind, subject
