"""The dashboard: pages made on the server for one viewer's scope, which change by push as events arrive."""
