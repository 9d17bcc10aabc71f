"""``python -m docs.screenshots``: the pictures in the README, from the sample reports in docs/samples."""

from __future__ import annotations

from pathlib import Path

from tests.support.browser import Browser

SAMPLES = Path(__file__).resolve().parent / "samples"
WIDTH, HEIGHT = 1000, 1120

PICTURES = (("member", ""), ("branch", "study"), ("committee", "basics"), ("exam", "exam_items"))
"""Name of the report, and the section that stands on top ('': the page's beginning)."""


def main() -> None:
    """Take all pictures, in both languages."""
    with Browser() as browser:
        for name, section in PICTURES:
            for language in ("zh", "en"):
                page = SAMPLES / f"{name}.{language}.html"
                browser.open(page.as_uri(), width=WIDTH, height=HEIGHT)
                if section:
                    browser.ask(f"scrollTo(0, document.getElementById('{section}').offsetTop - 24)")
                browser.picture(SAMPLES / f"{name}.{language}.png", whole=False)


if __name__ == "__main__":
    main()
