"""HTTP faces of Xuejing: the query API and the dashboard."""
