"""The wire contract: old samples keep decoding to the same identity, and the JSON Schema says what the decoder does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.contract import event_schema
from schemas.decode import Arrival, Position, Refusal, decode_line
from schemas.events import EVENT_TYPES

SAMPLES = Path(__file__).resolve().parents[2] / "schemas" / "samples"
FILES = sorted(SAMPLES.glob("v*/*.ndjson"))
LINES = [(path.stem, line) for path in FILES for line in path.read_bytes().splitlines()]
RECEIVED = 1_790_000_000_000
HERE = Position("test", "events", 0, 0, 0)
VALIDATOR = Draft202012Validator(event_schema())


def decode(line: bytes) -> Arrival | Refusal:
    return decode_line(line, HERE, RECEIVED)


@pytest.mark.parametrize(("family", "line"), LINES, ids=lambda value: str(value)[:50])
def test_every_sample_of_every_version_decodes_and_fits_the_schema(family: str, line: bytes) -> None:
    arrival = decode(line)
    assert isinstance(arrival, Arrival), arrival
    assert arrival.event.__struct_config__.tag == family
    assert [e.message for e in VALIDATOR.iter_errors(json.loads(line))] == []


@pytest.mark.parametrize("folder", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_identity_of_samples_never_changes(folder: Path) -> None:
    """Another hash for the same body would make every replayed event a conflict with its archived self."""
    recorded = json.loads((folder / "body_hashes.json").read_text("utf-8"))
    found = {}
    for path in folder.glob("*.ndjson"):
        for line in path.read_bytes().splitlines():
            arrival = decode(line)
            assert isinstance(arrival, Arrival)
            event_id = str(arrival.event.event_id)
            assert event_id not in found, f"{path.name}: another sample has the id {event_id}"
            found[event_id] = arrival.body_hash.hex()
    new = {event_id: digest for event_id, digest in found.items() if event_id not in recorded}
    assert not new, f"samples without a hash; write into {folder.name}/body_hashes.json: {json.dumps(new, indent=2)}"
    assert found == recorded


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda t: t.__name__)
def test_samples_show_every_field(event_type: type[msgspec.Struct]) -> None:
    tag = event_type.__struct_config__.tag
    shown = {name for family, line in LINES if family == tag for name in json.loads(line)}
    assert {f.encode_name for f in msgspec.structs.fields(event_type)} <= shown


def test_every_field_is_described() -> None:
    for name, definition in event_schema()["$defs"].items():
        for field, spec in definition["properties"].items():
            assert field == "event_type" or spec.get("description"), f"{name}.{field} has no description"


REPLACEMENTS = st.sampled_from(
    [None, True, False, 0, 1, -1, 1.5, 30_000, "", "x", "x" * 65, "x" * 5000, [], ["A"], [""], ["A", 1], {}, [["A"]]]
)
DATES = ("period_first", "period_last", "due")
FORMATTED = ("event_id", "occurred_at", "sent_at", "replaces", "answer_id", "target_event_id", *DATES)


@given(st.sampled_from(LINES), st.data())
def test_schema_and_decoder_agree(sample: tuple[str, bytes], data: st.DataObject) -> None:
    """A field dropped or replaced by something else: both accept the event, or both refuse it."""
    original = json.loads(sample[1])
    event: dict[str, Any] = dict(original)
    names = sorted({*event, "duration_ms", "beat_ms", "device_id", "session_id", "correct", "response"})
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)):
        if data.draw(st.booleans()):
            event.pop(name, None)
        else:
            event[name] = data.draw(REPLACEMENTS)
    for name in FORMATTED:
        # In JSON Schema a format is an annotation: the validator does not check ids and times.
        assume(not isinstance(event.get(name), str) or event[name] == original.get(name))
    version = event.get("schema_version", 1)
    assume(not isinstance(version, int) or version <= 1)  # a later version is another schema's
    accepted = isinstance(decode(json.dumps(event).encode()), Arrival)
    errors = [e.message for e in VALIDATOR.iter_errors(event)]
    assert accepted == (not errors), (event, errors)
