"""What answers over HTTP: the query API, and what every such service is protected by."""
