"""Results of runs, as JSON, and the page that is made of them."""

from pathlib import Path

RESULTS = Path(__file__).resolve().parent
