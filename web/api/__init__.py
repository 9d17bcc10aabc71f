"""The query API: every question by name, definitions, and reports as jobs, each within the scope of a token."""
