"""What answers over HTTP: the query API, the dashboard, and what every such service is protected by."""
