"""Laws of the service, over real HTTP: what it answers, refuses, and never writes down."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import socket
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest

import decrochage_risk as dr
from decrochage_service import Guard, Metrics, Settings, depth_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from decrochage_risk.model import TrainedModel
    from decrochage_risk.synthetic import Cohort

ROOT = Path(__file__).resolve().parents[2]
AS_OF = "2025-03-05"
TABLES = ("enrolments", "absences", "grades", "orientation")
PUPILS = 8


class Server:
    """A service in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.settings = folder / "service.toml"
        self.settings.write_text("max_bytes = 500000\nmax_depth = 6\nmax_pupils = 40\n", encoding="utf-8")
        self.log = folder / "service.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        script = ROOT / "examples" / "service" / "decrochage_service.py"
        command = [sys.executable, str(script), "--settings", str(self.settings), "--port", str(port)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - our own script
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        self._wait()

    def _wait(self) -> None:
        for _ in range(600):
            try:
                self.client.get("/health").raise_for_status()
            except httpx.TransportError:
                assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
                time.sleep(0.2)
            else:
                return
        pytest.fail("the service did not start")

    def model(self) -> dict[str, Any]:
        """Ask which model is in service."""
        return self.client.get("/v1/model").raise_for_status().json()

    def stop(self) -> None:
        """End the process."""
        self.client.close()
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start one service for the tests of this file, and stop it."""
    running = Server(tmp_path_factory.mktemp("service"))
    yield running
    running.stop()


def _rows(table: Any, ids: list[str]) -> list[dict[str, Any]]:
    rows = table[table["pupil_id"].isin(ids)]
    days = [name for name, kind in rows.dtypes.items() if str(kind).startswith("datetime64")]
    plain = rows.assign(**{name: rows[name].dt.strftime("%Y-%m-%d") for name in days})
    return json.loads(plain.to_json(orient="records"))


@pytest.fixture(scope="module")
def payload(small_cohort: Cohort) -> list[dict[str, Any]]:
    """Make the payload of some pupils who are enrolled on the day: each with the rows of every table."""
    stays = small_cohort.records.enrolments
    ids = stays.loc[stays["school_year"] == 2024, "pupil_id"].unique()[:PUPILS].tolist()
    people = {
        row["pupil_id"]: row | {name: [] for name in TABLES}
        for row in _rows(small_cohort.records.pupils, ids)
    }
    for name in TABLES:
        for row in _rows(getattr(small_cohort.records, name), ids):
            people[row.pop("pupil_id")][name].append(row)
    return list(people.values())


def _scored(payload: Any, **choices: Any) -> dr.RiskScores:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dr.DecrochageWarning)
        return dr.score_pupils(dr.PupilRecords.from_json(payload), as_of=AS_OF, **choices)


def _schema(name: str) -> Any:
    path = ROOT / "data" / "schema" / f"{name}.schema.json"
    return jsonschema.Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.whole
def test_concurrent_clients_get_what_the_library_gives(server: Server, payload: list[dict[str, Any]]) -> None:
    """Eight clients at once get, each time, the scores of ``score_pupils`` on the same records, as the published schemas say."""
    _schema("pupil_records").validate(payload)
    expected = _scored(payload).to_json()

    def call(_: int) -> httpx.Response:
        return server.client.post("/v1/pupils", json={"as_of": AS_OF, "records": payload})

    with ThreadPoolExecutor(8) as clients:
        replies = list(clients.map(call, range(16)))
    assert [reply.status_code for reply in replies] == [200] * 16
    assert {reply.text for reply in replies} == {expected}
    _schema("risk_scores").validate(replies[0].json())
    document = dr.ScoreDocument.model_validate_json(replies[0].content)
    assert document.model_dump(mode="json") == json.loads(expected)
    assert len(document.pupils) == PUPILS


def test_one_pupil_is_the_same_as_in_the_library(server: Server, payload: list[dict[str, Any]]) -> None:
    """One pupil comes back explained, with the run: the result of the library, field by field."""
    pupil = payload[0]
    gaps = ["absences", "grades"]
    reply = server.client.post("/v1/pupil", json={"as_of": AS_OF, "pupil": pupil, "gaps": gaps})
    assert reply.status_code == 200, reply.text
    answer = reply.json()
    scores = _scored([pupil], explain="all", gaps=gaps)
    assert dr.PupilRisk.model_validate(answer["pupil"]) == scores[pupil["pupil_id"]]
    assert dr.RunFacts.model_validate(answer["run"]).model_dump() == scores.run.model_dump()
    assert answer["pupil"]["automated_decision"] is False


def _faulty(payload: list[dict[str, Any]]) -> dict[str, Any]:
    """Twenty faults: of the envelope, of the shape and of cells, each with a value that no answer may hold."""
    pupils = json.loads(json.dumps(payload))
    marks = [
        {"date": "2024-10-01", "subject": "maths", "value": 9, "status": "graded", "kind": "assessment"}
        | change
        for change in (
            *({"date": f"SECRET-{number}"} for number in range(6)),
            *({"value": 7700 + number} for number in range(5)),
            *({"status": f"SECRET {number}"} for number in range(3)),
        )
    ]
    pupils[0]["grades"] = marks
    pupils[1]["SECRET Ana"] = {"grades": []}
    pupils[2]["absences"] = "SECRET"
    pupils[3]["enrolments"][0]["school_id"] = "7712345A"
    pupils[4]["birth_date"] = "SECRET"
    return {"as_of": "SECRET", "records": pupils, "explain": "SECRET"}


def test_twenty_faults_come_back_at_once_without_values(
    server: Server, payload: list[dict[str, Any]]
) -> None:
    """A body with twenty faults of every kind is one 422 with all of them, each with its place, none with what stood there."""
    reply = server.client.post("/v1/pupils", json=_faulty(payload))
    assert reply.status_code == 422
    faults = [fault for fault in reply.json()["faults"] if fault["severity"] == "error"]
    assert len(faults) == 20, [(fault["path"], fault["rule"]) for fault in faults]
    paths = {fault["path"] for fault in faults}
    assert {f"pupils[0].grades[{row}].date" for row in range(6)} <= paths
    assert {f"pupils[0].grades[{row}].value" for row in range(6, 11)} <= paths
    assert {"as_of", "explain", "pupils[4].birth_date", "pupils[3].enrolments[0].school_id"} <= paths
    assert "SECRET" not in reply.text
    # Days of the calendar and places in the payload are no values of a pupil.
    assert "77" not in re.sub(r"\d{4}-\d{2}-\d{2}|\[\d+\]", "", reply.text)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"[", 422, "no_json"),
        (b"[]", 422, "no_object"),
        (b'{"as_of": "2025-03-05"}', 422, "missing"),
        (b'{"as_of": "2025-03-05", "as_of": "2025-03-05", "records": []}', 422, "more than once"),
        (b'{"as_of": "2025-03-05", "records": [], "pupil 12": 1}', 422, "extra_forbidden"),
        (b'{"as_of": "1990-03-05", "records": %s}', 422, '"path":"as_of"'),
        # An objection that names nobody of the batch is never dropped in silence.
        (b'{"as_of": "2025-03-05", "records": %s, "exclude": ["PUPIL 12"]}', 422, '"path":"exclude[0]"'),
        (b'{"records": ' + b"[" * 2000 + b"]" * 2000 + b"}", 413, "nested deeper than 6"),
        (b" " * 500_001, 413, "larger than 500000 bytes"),
        (
            b'{"as_of": "2025-03-05", "records": [' + b",".join([b"{}"] * 41) + b"]}",
            413,
            "more than 40 pupils",
        ),
    ],
)
def test_what_is_refused(
    server: Server, payload: list[dict[str, Any]], body: bytes, status: int, said: str
) -> None:
    """Text that is no JSON, other shapes, a day outside the calendar and bodies over a limit are refused with their cause."""
    content = body.replace(b"%s", json.dumps(payload[:1]).encode())
    reply = server.client.post("/v1/pupils", content=content)
    assert reply.status_code == status, reply.text
    assert said in reply.text
    assert "pupil 12" not in reply.text


def test_a_new_model_is_swapped_in_without_dropping_a_call(
    server: Server, payload: list[dict[str, Any]], small_model: TrainedModel, tmp_path: Path
) -> None:
    """While eight clients call, SIGHUP swaps the model: every call is answered, first by the one, then by the other."""
    before = server.settings.read_text(encoding="utf-8")
    pin = small_model.save(tmp_path / "model")
    old = server.model()["sha256"]
    answered: list[tuple[int, str]] = []

    def call_until(pinned: str) -> None:
        for _ in range(400):
            reply = server.client.post(
                "/v1/pupils", json={"as_of": AS_OF, "records": payload[:1], "explain": "none"}
            )
            sha256 = reply.json().get("run", {}).get("model", {}).get("sha256", "")
            answered.append((reply.status_code, sha256))
            if sha256 == pinned:
                return

    with ThreadPoolExecutor(8) as clients:
        calls = [clients.submit(call_until, pin) for _ in range(8)]
        server.settings.write_text(
            f'{before}model = "{tmp_path}/model"\nsha256 = "{pin}"\n', encoding="utf-8"
        )
        server.process.send_signal(signal.SIGHUP)
        for call in calls:
            call.result()
    assert {status for status, _ in answered} == {200}
    assert {sha256 for _, sha256 in answered} == {old, pin}
    server.settings.write_text(
        f'{before}model = "{tmp_path}/model"\nsha256 = "{"0" * 64}"\n', encoding="utf-8"
    )
    server.process.send_signal(signal.SIGHUP)
    for _ in range(100):
        health = server.client.get("/health").json()
        if health["reload_error"]:
            break
        time.sleep(0.1)
    assert "TamperedArtefactError" in health["reload_error"]
    assert health["sha256"] == pin


def test_no_pupil_is_written_down(server: Server, payload: list[dict[str, Any]]) -> None:
    """After calls that score, fail and go nowhere, neither the log nor the metrics hold an id, and the metrics count."""
    pupil_id = payload[0]["pupil_id"]
    server.client.post("/v1/pupils", json={"as_of": AS_OF, "records": payload})
    server.client.post("/v1/pupils", json=_faulty(payload))
    assert server.client.get(f"/v1/pupils/{pupil_id}?id={pupil_id}").status_code == 404
    metrics = server.client.get("/metrics").text
    log = server.log.read_text(encoding="utf-8")
    assert "/v1/pupils" in log
    for text in (metrics, log):
        for person in payload:
            assert person["pupil_id"] not in text
        assert "SECRET" not in text
    assert 'decrochage_calls_total{route="/v1/pupils",status="200"}' in metrics
    assert 'decrochage_calls_total{route="unmatched",status="404"}' in metrics
    assert "decrochage_faults_total{rule=" in metrics
    assert "process_resident_memory_bytes" in metrics


def test_the_openapi_page_describes_requests_and_answers(server: Server) -> None:
    """``openapi.json`` holds the published schema of the records and the models of the answers."""
    page = server.client.get("/openapi.json").json()
    sent = page["paths"]["/v1/pupils"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    published = _schema("pupil_records").schema
    assert sent["properties"]["records"]["$id"]  # so that its references are its own
    assert set(sent["properties"]["records"]["$defs"]) == set(published["$defs"])
    assert sent["properties"]["records"]["$defs"]["pupil"]["required"] == ["pupil_id"]
    assert {"ScoreDocument", "PupilAnswer", "Refusal", "PupilRisk", "RunFacts"} <= set(
        page["components"]["schemas"]
    )
    # A route that is there has its name in the log and the metrics; one that is not has none, so that no path is written down.
    assert 'decrochage_calls_total{route="/openapi.json",status="200"}' in server.client.get("/metrics").text
    assert "/openapi.json 200" in server.log.read_text(encoding="utf-8")


def test_the_message_of_an_unexpected_error_stays_inside(caplog: pytest.LogCaptureFixture) -> None:
    """What an unexpected error says, which may quote a cell, is neither answered nor logged; its type and place are."""

    async def broken(*_: Any) -> None:
        message = "SECRET pupil"
        raise KeyError(message)

    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    caplog.set_level(logging.INFO)
    asyncio.run(Guard(broken, Metrics())({"type": "http", "method": "POST"}, receive, send))
    assert answers[0]["status"] == 500
    assert b"internal error" in answers[1]["body"]
    assert "KeyError at test_service.py" in caplog.text
    assert "SECRET" not in caplog.text + str(answers)


def test_depth_counts_what_stands_outside_of_texts() -> None:
    """Brackets in a text, escaped quotes beside them, are no depth."""
    assert depth_of(json.dumps({"a": '[[["\\', "b": [{"c": []}]}).encode()) == 4
    assert depth_of(b"") == 0


def test_a_model_needs_its_pin(tmp_path: Path) -> None:
    """A settings file that names a model without its checksum, or an unknown setting, is refused."""
    for text in ('model = "here"', "workers = 3"):
        path = tmp_path / "service.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"sha256|workers"):
            Settings.read(path)
