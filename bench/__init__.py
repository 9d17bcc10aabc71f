"""Benchmarks: ratios in one run, on synthetic events; see docs/performance.md."""
