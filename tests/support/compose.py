"""Reads compose.yaml and Dockerfile far enough to run our services as local processes. No container runtime needed."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
import yaml

import cli

ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<kind>:-|:\?)(?P<rest>[^}]*))?\}")


class MissingVariable(ValueError):
    """A variable that the file requires is not set."""


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """``${NAME}``, ``${NAME:-default}`` and ``${NAME:?message}`` as the Compose specification says."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match["name"], match["kind"], match["rest"] or ""
        if found := variables.get(name):
            return found
        if kind == ":?":
            raise MissingVariable(f"{name}: {rest}")
        return rest if kind == ":-" else ""

    return _VARIABLE.sub(value, text)


def load(variables: Mapping[str, str]) -> dict[str, Any]:
    """compose.yaml with its variables filled in. Raises MissingVariable."""

    def fill(node: Any) -> Any:
        if isinstance(node, str):
            return interpolate(node, variables)
        if isinstance(node, dict):
            return {key: fill(value) for key, value in node.items()}
        return [fill(item) for item in node] if isinstance(node, list) else node

    return dict(fill(yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))))


def instructions() -> list[list[tuple[str, str]]]:
    """The Dockerfile's stages as lists of (instruction, argument)."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    stages: list[list[tuple[str, str]]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            if word == "FROM":
                stages.append([])
            stages[-1].append((word, rest.strip()))
    return stages


def build(folder: Path) -> Path:
    """Do in ``folder`` what the Dockerfile's first stage does; returns the environment that the image gets."""
    tree, target = folder / "src", folder / "opt"
    tree.mkdir(parents=True)
    python = shlex.quote(getattr(sys, "_base_executable", sys.executable))
    for word, rest in instructions()[0]:
        if word == "COPY":
            *sources, destination = rest.split()
            for name in sources:
                _copy(ROOT / name, tree / destination)
        elif word == "RUN":
            command = rest.replace("/opt/xuejing", str(target)).replace("python -m venv", f"{python} -m venv")
            done = subprocess.run(["sh", "-ec", command], cwd=tree, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"RUN {rest}\n{done.stdout}{done.stderr}"
    return target


def _copy(source: Path, destination: Path) -> None:
    # As Docker does: the content of a folder, a file into a folder.
    destination.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, destination, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, destination)


class NoCommand(ValueError):
    """A command line that the program would refuse."""


def parsed(arguments: Sequence[str]) -> None:
    """Read a command line of ours as the program does; nothing is run. Raises NoCommand where it would be refused."""
    # Any: the types are private to typer.
    command: Any = typer.main.get_command(cli.application())
    try:
        context = command.make_context("xuejing", list(arguments))
        while hasattr(command, "resolve_command"):
            rest = [*context._protected_args, *context.args]
            name, command, rest = command.resolve_command(context, rest)
            context = command.make_context(name, rest, parent=context)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise NoCommand(error.format_message()) from error


@dataclass(frozen=True, slots=True)
class Services:
    """Our services on this machine: ``target`` is the environment of the image, ``hosts`` says where in place of
    a service's ``name:port`` something answers."""

    compose: dict[str, Any]
    target: Path
    hosts: Mapping[str, str]
    home: Path

    def environment(self, name: str) -> dict[str, str]:
        """What the container would see, and nothing of this process but what a shell needs."""
        given = {k: str(v) for k, v in self.compose["services"][name]["environment"].items()}
        for inside, here in self.hosts.items():
            given = {k: v.replace(inside, here) for k, v in given.items()}
        image = dict(
            pair.split("=", 1) for word, rest in instructions()[-1] if word == "ENV" for pair in shlex.split(rest)
        )
        image |= {"PATH": f"{self.target / 'bin'}:/usr/bin:/bin", "XUEJING_DATA_DIR": str(self.home)}
        return image | given

    def command(self, name: str, *arguments: str) -> list[str]:
        """The command line of a service, with other arguments if given."""
        (entry,) = [rest for word, rest in instructions()[-1] if word == "ENTRYPOINT"]
        program: list[str] = yaml.safe_load(entry)
        return [*program, *(arguments or self.compose["services"][name]["command"])]

    def start(self, name: str, *arguments: str, log: Path, **override: str) -> subprocess.Popen[bytes]:
        """Start a service; its output goes to ``log``. ``override``: variables that differ here, such as ports."""
        command, environment = self.command(name, *arguments), self.environment(name) | override
        program = shutil.which(command[0], path=environment["PATH"])
        assert program is not None, command
        with log.open("ab") as out:
            return subprocess.Popen(
                [program, *command[1:]],
                cwd=self.home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, name: str, *arguments: str, log: Path, timeout: float = 120) -> str:
        """Run a service to its end; returns what it said. Fails unless it succeeded."""
        process = self.start(name, *arguments, log=log)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        said = log.read_text("utf-8", "replace")
        assert code == 0, said
        return said
