-- Days on which nothing counts any more are few: a reader who looks for them finds the granules without reading the rest.
ALTER TABLE member_day ADD INDEX IF NOT EXISTS few_events events TYPE minmax GRANULARITY 1;

ALTER TABLE member_day MATERIALIZE INDEX IF EXISTS few_events;
