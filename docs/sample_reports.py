"""``python -m docs.sample_reports demo-report/store``: the sample reports in docs/samples, of May of the demo."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from commands import context as contexts
from commands.connect import connected
from reports.extra_pages import write_annexes, write_exams
from reports.load import load
from reports.paths import page_name
from reports.site import Site
from reports.text import LANGUAGES
from schemas.credit import CreditPolicy
from sinks.read import Reader, Scope

SAMPLES = Path(__file__).resolve().parent / "samples"
FIRST, LAST = date(2026, 5, 1), date(2026, 5, 31)
CUT_OFF = datetime(2026, 7, 13, tzinfo=UTC)
"""After the last event of the simulated term."""
COMMITTEE, BRANCH, EXAM = "o-college", "o-engineering", "x-history-mid"


def main(store: Path) -> None:
    """Write one report of each kind as HTML, in both languages."""
    context = contexts.make(store, "zh")
    with connected(context.settings) as opened, tempfile.TemporaryDirectory() as folder:
        data = load(Reader(opened), Scope.everything(), first=FIRST, last=LAST, as_of=CUT_OFF, credit=CreditPolicy.of())
        site = Site(data, Scope.everything(), Path(folder), formats=("html",), alone=True)
        of_branch = [member for member, org in site.members if org == BRANCH]
        # The member with records of middle size: neither an empty report nor the longest.
        sizes = dict(data.days.group_by("member_id").len().iter_rows())
        member = sorted(of_branch, key=lambda m: (sizes.get(m, 0), m))[len(of_branch) // 2]
        site.write_members([member])
        site.write_groups([BRANCH, COMMITTEE])
        write_exams(site, [EXAM])
        write_annexes(site, [BRANCH])
        index = site.index
        paths = {
            "member": index.members[member],
            "branch": index.groups[BRANCH],
            "committee": index.groups[COMMITTEE],
            "exam": index.exams[EXAM],
            "secretary": index.annexes[BRANCH],
        }
        SAMPLES.mkdir(exist_ok=True)
        for name, path in paths.items():
            for language in LANGUAGES:
                source = Path(folder) / page_name(path.removesuffix(".html"), language)
                # Beside each other they have other names than in a folder of reports.
                text = source.read_text("utf-8")
                for other in LANGUAGES:
                    written = Path(page_name(path.removesuffix(".html"), other)).name
                    text = text.replace(f'href="{written}"', f'href="{name}.{other}.html"')
                (SAMPLES / f"{name}.{language}.html").write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
