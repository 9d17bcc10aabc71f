"""Issued reports once more: their files in folders of their own, after an erasure or a correction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from reports.extra_pages import write_annexes, write_exams
from reports.formats.names import Format
from reports.site import Site
from schemas.reference.columns import Language
from schemas.settings import Settings
from sinks.read import Scope

from .issued_erasing import Render
from .issuing import Made


def into(settings: Settings, folder: Path) -> Render:
    """Writes the files of an issued report as it was asked for then, to ``folder``/report_id-vN."""

    def render(made: Made) -> Mapping[str, str]:
        assert made.issued is not None
        series = made.issued.series
        site = Site(
            made.data,
            Scope.own(series.subject) if series.kind == "member" else Scope.everything(),
            folder / f"{series.id}-v{made.issued.version}",
            series.content,
            cast("list[Language]", made.option("lang", "zh,en").split(",")),
            cast("list[Format]", made.option("formats", "html,json").split(",")),
            int(made.option("k", str(settings.small_group))),
            alone=series.kind != "all",
        )
        if series.kind == "member":
            site.write_members([series.subject])
        elif series.kind == "group":
            site.write_groups([series.subject])
            write_annexes(site, [series.subject])
        elif series.kind == "exam":
            write_exams(site, [series.subject])
        else:
            site.write()
        return site.index.hashes

    return render
