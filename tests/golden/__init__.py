"""Reports of a simulated month as they were last looked at. ``python -m tests.golden`` writes them again."""
