"""Typed contexts, one a report: pure functions of frames and reference data, no markup and no wording."""
