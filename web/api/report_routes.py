"""Endpoints that have reports made: as a job, whose result is fetched when it is done."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import FileResponse, Response

from schemas.errors import InputError
from sinks.read import ScopeError
from web.problems import Problem

from .answering import refused
from .callers import Caller
from .documents import FileInfo, JobInfo, JobList, ReportRequest, problems
from .jobs import Full, Job
from .making import check, entry, make, record, stale
from .routes import ALWAYS, TheCaller, TheService, strict
from .service import Service

router = APIRouter(prefix="/v1", tags=["reports"], dependencies=[Depends(strict)], responses=problems(*ALWAYS))
JobId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$", description="id of the job")]
MISSING = problems("not-found")


@router.post(
    "/reports",
    status_code=202,
    operation_id="make_report",
    summary="生成报告 · have a report made",
    description="排队生成；用 Location 查询进度。 · It is queued; ask at Location how far it is.",
    responses={
        202: {"headers": {"Location": {"description": "path of the job", "schema": {"type": "string"}}}},
        **problems("malformed", "forbidden", "not-found"),
    },
)
def make_report(asked: ReportRequest, who: TheCaller, service: TheService, response: Response) -> JobInfo:
    """Queue a report within the caller's scope."""
    with service.slot(who.id):
        try:
            check(service, who, asked)
        except Problem as problem:
            record(service, who, asked, problem.kind)
            raise
        except (InputError, ScopeError) as error:
            refused(service, error, partial(entry, service, who, asked))
            raise
        record(service, who, asked)
    try:
        job = service.jobs.start(who.owner, asked.kind, asked.subject, partial(make, service, who, asked))
    except Full:
        raise Problem("too-many", headers={"Retry-After": "60"}) from None
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return _info(service, job)


@router.get("/jobs", operation_id="jobs", summary="自己的任务 · the caller's jobs")
def jobs(who: TheCaller, service: TheService) -> JobList:
    """The jobs of whoever asks."""
    return JobList(jobs=[_info(service, job) for job in service.jobs.of(who.owner)])


@router.get("/jobs/{job_id}", operation_id="job", summary="任务进度 · how far a job is", responses=MISSING)
def job_state(job_id: JobId, who: TheCaller, service: TheService) -> JobInfo:
    """One job."""
    return _info(service, _job(service, who, job_id))


@router.get(
    "/jobs/{job_id}/download",
    operation_id="download",
    summary="下载报告（ZIP）· the report, as a ZIP archive",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **MISSING,
        **problems("not-ready"),
    },
)
def download(job_id: JobId, who: TheCaller, service: TheService) -> FileResponse:
    """The files of a finished job."""
    job = _job(service, who, job_id)
    if job.archive is None or job.state != "done":
        raise Problem("not-ready", job.state)
    if stale(service, job.created_at):
        service.jobs.delete(job)
        raise Problem("not-found")
    return FileResponse(job.archive, media_type="application/zip", filename=f"{job.kind}-{job.id[:8]}.zip")


@router.delete(
    "/jobs/{job_id}",
    status_code=204,
    operation_id="delete_job",
    summary="删除已完成的任务及其文件 · delete a finished job and its files",
    response_class=Response,
    responses={**MISSING, **problems("not-ready")},
)
def delete(job_id: JobId, who: TheCaller, service: TheService) -> Response:
    """Forget a job."""
    job = _job(service, who, job_id)
    if not service.jobs.delete(job):
        raise Problem("not-ready", job.state)
    return Response(status_code=204)


def _job(service: Service, who: Caller, job_id: str) -> Job:
    job = service.jobs.get(who.owner, job_id)
    if job is None:
        raise Problem("not-found")
    return job


def _info(service: Service, job: Job) -> JobInfo:
    failed = "" if job.error is None else service.reason(job.error, "zh" if service.settings.language == "zh" else "en")
    done = job.state == "done"
    return JobInfo(
        id=job.id,
        state=job.state,
        kind=job.kind,  # type: ignore[arg-type]  # it came from a request, which was checked
        subject=job.subject,
        created_at=job.created_at,
        finished_at=job.finished_at,
        expires_at=service.jobs.expires(job),
        download=f"/v1/jobs/{job.id}/download" if done else None,
        files=[FileInfo(path=path, sha256=digest) for path, digest in sorted(job.files.items())],
        problem=failed,
    )
