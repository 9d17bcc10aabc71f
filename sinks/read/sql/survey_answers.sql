-- How did an organisation and what is below it answer each question of an anonymous survey?
WITH
    @homes,
    chosen AS (
        SELECT survey_id, item_id, pair.1 AS choice, sum(pair.2) AS answers
        FROM (
            SELECT survey_id, item_id, arrayZip(choices, answers) AS pairs, substring(member_id, 5) AS org_id
            FROM survey FINAL
            WHERE generation = {generation:UInt16} AND @on_days(day) AND events > 0
        )
        ARRAY JOIN pairs AS pair
        WHERE @organisations(org_id)
        GROUP BY survey_id, item_id, choice
    )
SELECT
    survey_id,
    item_id,
    choice,
    answers,
    sum(answers) OVER (PARTITION BY survey_id, item_id) AS total
FROM chosen
ORDER BY survey_id, item_id, choice
