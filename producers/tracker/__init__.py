"""The tracker for pages and mini programs: JavaScript that measures study and sends it to the collector."""
