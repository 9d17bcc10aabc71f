"""The measurement library: pure functions of values, no I/O.

Each function states its formula, unit, edge cases and source.
An undefined figure is ``None`` everywhere, never 0 and never NaN.
"""
