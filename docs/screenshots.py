"""``python -m docs.screenshots demo-report/report``: the pictures in the README, from the demo's reports."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.browser import Browser

SAMPLES = Path(__file__).resolve().parent / "samples"
WIDTH, HEIGHT = 1000, 1120

PICTURES = (("member", "members", 0), ("branch", "branches", 2), ("organisation", "organisations", 3))
"""Name, folder of the reports, heading that stands on top (0: the page's beginning)."""


def main(report: Path) -> None:
    """Take all pictures, in both languages, each of the report of middle length."""
    SAMPLES.mkdir(exist_ok=True)
    with Browser() as browser:
        for name, folder, heading in PICTURES:
            chinese = [p for p in (report / folder).glob("*.html") if p.suffixes == [".html"] and p.stem != "index"]
            chosen = sorted(chinese, key=lambda p: (p.stat().st_size, p.name))[len(chinese) // 2]
            for language, page in (("zh", chosen), ("en", chosen.with_suffix(".en.html"))):
                browser.open(page.resolve().as_uri(), width=WIDTH, height=HEIGHT)
                if heading:
                    browser.ask(f"scrollTo(0, document.querySelectorAll('h2')[{heading}].offsetTop - 24)")
                browser.picture(SAMPLES / f"{name}.{language}.png", whole=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
