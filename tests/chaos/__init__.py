"""Chaos: real processes that die, sleep and come back, while the figures must stay exact."""
