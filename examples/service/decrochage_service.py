"""An HTTP service over ``score_pupils()``: one pupil, a batch, health, the identity of the model, metrics.

Run ``python decrochage_service.py [--settings service.toml] [--host 127.0.0.1] [--port 8000]``. ``docs/service.md`` says how to
put it to use. What is held here, and tested over real HTTP:

- every fault of a payload comes back in one 422 body, with its place and without what stood there;
- bodies are limited in size, depth and pupils before anything is made of them;
- the model is pinned by its sha256; SIGHUP reads the settings again and swaps model and policy as a whole, calls under way end
  with those they began with, and a model that cannot be read leaves the one in service;
- no id, value or key of a payload is written to a log or to a metric.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import signal
import time
import tomllib
import traceback
import uuid
import warnings
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import decrochage_risk as dr
from decrochage_risk.records.payload import parse_json, payload_schema
from decrochage_risk.score import PupilRisk, RunFacts, ScoreDocument

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping

    from decrochage_risk.records.faults import FaultReport

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

__all__ = [
    "Fault",
    "PupilAnswer",
    "PupilRequest",
    "Refusal",
    "ScoreRequest",
    "Settings",
    "create_app",
    "main",
]

LOG = logging.getLogger("decrochage_service")

SCHEMA = "/openapi.json"
"""The one route that is FastAPI's own: it leaves no route in the scope of a call."""


class Settings(BaseModel):
    """What the service is run with; ``service.toml`` holds the same names.

    Attributes
    ----------
    model, sha256 : path and text
        Folder of the model and its pin (what ``TrainedModel.save`` returned): both, or none for the demonstration model.
    policy : path, optional
        Thresholds of one's own.
    zone : {"A", "B", "C"}
        Zone of the school holidays.
    max_bytes, max_depth, max_pupils : int
        Limits of a body; a larger one is refused with 413.
    body_seconds : float
        Time that a sender has to send a body; a slower one is refused with 408.
    threads : int
        Batches scored at once; Python gives two of them hardly more than one.
    waiting : int
        Calls that may wait for a thread; one more is refused with 503 and ``Retry-After``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: Path | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    policy: Path | None = None
    zone: Literal["A", "B", "C"] = "B"
    max_bytes: int = Field(default=5_000_000, gt=0)
    max_depth: int = Field(default=8, gt=0)
    max_pupils: int = Field(default=2_000, gt=0)
    body_seconds: float = Field(default=30.0, gt=0)
    threads: int = Field(default=2, gt=0)
    waiting: int = Field(default=64, ge=0)

    @model_validator(mode="after")
    def _pinned(self) -> Settings:
        if (self.model is None) != (self.sha256 is None):
            raise ValueError("model and sha256 come together: a model is put to use by its checksum")
        return self

    @classmethod
    def read(cls, path: Path | None) -> Settings:
        """Read a settings file; paths in it are relative to its folder. Without one: the demonstration model."""
        if path is None:
            return cls()
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        for name in ("model", "policy"):
            if name in values:
                values[name] = path.resolve().parent / values[name]
        return cls.model_validate(values)


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)

    as_of: date = Field(description="Only what was dated and recorded before this day is used.")
    gaps: tuple[Literal["absences", "grades"], ...] = Field(
        default=(),
        description="Tables whose gaps are meant; otherwise a pupil without them comes back without a risk.",
    )
    on_fault: Literal["raise", "quarantine"] = Field(
        default="raise",
        description="raise: 422 with every fault; quarantine: faulty rows are set aside and counted.",
    )


class ScoreRequest(_Request):
    """A batch."""

    records: Any = Field(description="Pupils with their rows, or flat tables.")
    explain: Literal["flagged", "all", "none"] = "flagged"
    exclude: tuple[str, ...] = Field(default=(), description="Ids of pupils whose family objected.")


class PupilRequest(_Request):
    """One pupil."""

    pupil: Any = Field(description="A pupil with the rows.")
    explain: bool = True


class PupilAnswer(BaseModel):
    """The result of one pupil, and what it rests on."""

    model_config = ConfigDict(frozen=True)

    run: RunFacts
    pupil: PupilRisk


class Fault(BaseModel):
    """One fault: where, which rule, what was expected, what to do. Never what stood there."""

    path: str | None = Field(
        description="Place in the body, such as records.pupils[3].grades[0].value; None: the whole."
    )
    rule: str
    severity: Literal["error", "warning"] = "error"
    expected: str
    meaning: str = Field(default="", description="En français.")
    remedy: str = Field(default="", description="En français.")


class Refusal(BaseModel):
    """Why a call was refused: every fault at once."""

    error: str
    faults: tuple[Fault, ...] = ()
    request_id: str | None = None


class ModelIdentity(BaseModel):
    """Which model and policy are in service, since when."""

    model_config = ConfigDict(protected_namespaces=())

    id: str
    sha256: str
    demo: bool
    trained_on: tuple[int, ...]
    levels: tuple[str, ...]
    horizons: tuple[int, ...]
    policy_version: str
    library: str
    loaded_at: float = Field(description="Seconds since 1970.")
    reload_error: str | None = Field(description="Why the last reload left this model in service.")


@dataclass(frozen=True)
class Served:
    """What one call is answered with: swapped as a whole, never changed."""

    settings: Settings
    model: dr.TrainedModel
    policy: dr.Policy
    calendar: dr.SchoolCalendar
    loaded_at: float

    @classmethod
    def of(cls, settings: Settings) -> Served:
        """Load and warm up, so that the first call after a start or a swap is as fast as the next."""
        from decrochage_risk.score import load_demo_model  # noqa: PLC0415 - only where no model is named

        model = (
            load_demo_model()
            if settings.model is None
            else dr.load_model(settings.model, sha256=settings.sha256)
        )
        policy = dr.load_policy() if settings.policy is None else dr.load_policy(settings.policy)
        dr.warm_up(model)
        return cls(settings, model, policy, dr.SchoolCalendar.for_zone(settings.zone), time.time())


class Metrics:
    """What is measured; labels are routes, statuses and rules, of which there are a few dozen, never what was sent."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        with_registry: dict[str, Any] = {"registry": self.registry}
        self.calls = Counter("decrochage_calls", "Calls answered", ["route", "status"], **with_registry)
        self.seconds = Histogram(
            "decrochage_call_seconds",
            "Time from the first byte to the answer",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            **with_registry,
        )
        self.pupils = Counter("decrochage_pupils", "Pupils in answers", ["scored"], **with_registry)
        self.faults = Counter("decrochage_faults", "Faults of refused payloads", ["rule"], **with_registry)
        self.waiting = Gauge("decrochage_calls_waiting", "Calls that wait or are scored", **with_registry)
        self.reloads = Counter("decrochage_reloads", "Reloads of the model", ["outcome"], **with_registry)
        self.model = Gauge(
            "decrochage_model", "1 for the model in service", ["sha256", "demo"], **with_registry
        )


class RefusedError(Exception):
    """A call that is answered with a refusal."""

    def __init__(
        self, status: int, error: str, faults: Iterable[Fault] = (), retry_after: int | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.refusal = Refusal(error=error, faults=tuple(faults))
        self.retry_after = retry_after


@dataclass
class Service:
    """One process: what it serves, what it measures, who waits."""

    settings_file: Path | None
    served: Served
    metrics: Metrics = field(default_factory=Metrics)
    reload_error: str | None = None
    busy: int = 0
    limiter: CapacityLimiter = field(init=False)

    def __post_init__(self) -> None:
        self.limiter = CapacityLimiter(self.served.settings.threads)
        self._tell_model()

    def _tell_model(self) -> None:
        self.metrics.model.clear()
        self.metrics.model.labels(self.served.model.sha256, str(self.served.model.demo).lower()).set(1)

    async def reload(self) -> None:
        """Read the settings again and swap; what cannot be read leaves the model in service, and is said by /health."""
        try:
            served = await to_thread.run_sync(lambda: Served.of(Settings.read(self.settings_file)))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a new model, the old one goes on
            # Settings and artefacts hold no pupil: their message may be told.
            self.reload_error = f"{type(error).__name__}: {error}"
            self.metrics.reloads.labels("refused").inc()
            LOG.error("reload refused, the model in service stays: %s", type(error).__name__)  # noqa: TRY400 - no trace
            return
        self.served, self.reload_error = served, None
        self._tell_model()
        self.metrics.reloads.labels("done").inc()
        LOG.info("model %s in service", served.model.sha256[:12])

    async def answer(self, work: Callable[[Served], bytes]) -> bytes:
        """Score in a thread, with what is in service now; refuse when too many wait already."""
        served = self.served
        if self.busy >= served.settings.waiting + served.settings.threads:
            raise RefusedError(503, "too many calls wait", retry_after=1)
        self.busy += 1
        self.metrics.waiting.set(self.busy)
        try:
            return await to_thread.run_sync(work, served, limiter=self.limiter)
        finally:
            self.busy -= 1
            self.metrics.waiting.set(self.busy)


async def read_body(request: Request, settings: Settings) -> bytes:
    """Read a body while it is small enough, deep enough and quick enough."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > settings.max_bytes:
                    raise RefusedError(413, f"the body is larger than {settings.max_bytes} bytes")
                chunks.append(chunk)
    except TimeoutError:
        raise RefusedError(408, f"the body took more than {settings.body_seconds} seconds") from None
    body = b"".join(chunks)
    if depth_of(body) > settings.max_depth:
        raise RefusedError(413, f"the body is nested deeper than {settings.max_depth} levels")
    return body


_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def depth_of(body: bytes) -> int:
    """Count how deep lists and objects stand in each other, before anything is built of them.

    Examples
    --------
    >>> depth_of(b'[{"a": "]]{{", "b": [1]}]')
    3
    """
    signs = np.frombuffer(_TEXTS.sub(b"", body), dtype=np.uint8)
    opened = np.isin(signs, np.frombuffer(b"[{", dtype=np.uint8)).astype(np.int64)
    closed = np.isin(signs, np.frombuffer(b"]}", dtype=np.uint8))
    return int((opened - closed).cumsum().max(initial=0))


_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_NAME_OF_A_KEY = re.compile("[a-z]+(?:_[a-z]+)*")


def without_values(text: str) -> str:
    """Leave out of a message every key that does not look like one of a table: a sender may put ids there.

    Examples
    --------
    >>> without_values("key 'abscences' is not known"), without_values("key 'Ana 12/03' is not known")
    ("key 'abscences' is not known", "key '…' is not known")
    """
    return _QUOTED.sub(lambda quoted: quoted[0] if _NAME_OF_A_KEY.fullmatch(quoted[0][1:-1]) else "'…'", text)


def faults_of_envelope(error: ValidationError) -> list[Fault]:
    """Tell what is wrong beside the records."""
    faults = []
    for one in error.errors(include_input=False, include_url=False, include_context=False):
        where = [str(step) for step in one["loc"]]
        known = [step if _NAME_OF_A_KEY.fullmatch(step) or step.isdigit() else "…" for step in where]
        faults.append(Fault(path=".".join(known) or None, rule=one["type"], expected=one["msg"]))
    return faults


def faults_of_shape(texts: Iterable[str]) -> list[Fault]:
    """Tell what is wrong with the shape of a payload; each text names its place."""
    return [Fault(path=None, rule="payload_shape", expected=without_values(text)) for text in texts]


_WITHOUT_VALUES = {"bad_check_letter": "the letter that checks the seven digits of a school number"}
"""What is expected, of the one rule whose own words quote what came."""


def faults_of_report(report: FaultReport) -> list[Fault]:
    """Tell every faulty cell, row and table: its place and its rule.

    The hint of a report may quote a cell; the remedy of the rule, in French, never does.
    """
    faults = []
    for group, plain in zip(report.groups, report.to_dict(values=False)["faults"], strict=True):
        column = f".{without_values(repr(group.column))[1:-1]}" if group.column else ""
        paths = plain.get("paths") or [f"{group.table}{column}"]
        words = {"severity": group.severity, "expected": _WITHOUT_VALUES.get(group.rule, group.expected)}
        if column and column != f".{group.column}":  # a column that is not known, named by an id
            paths = [path.removesuffix(f".{group.column}") + column for path in paths]
        faults += [
            Fault(path=path, rule=group.rule, meaning=group.meaning, remedy=group.remedy, **words)
            for path in paths
        ]
    return faults


def read_records(
    value: Any,  # noqa: ANN401 - what JSON holds
    served: Served,
    on_fault: Literal["raise", "quarantine"],
    faults: list[Fault],
) -> dr.PupilRecords | None:
    """Read a payload, adding what is wrong with it to the faults."""
    try:
        return dr.PupilRecords.from_json(value, on_fault=on_fault, calendar=served.calendar)
    except dr.FaultyRecordsError as error:
        faults += faults_of_report(error.report)  # type: ignore[arg-type]
    except dr.UnreadableRecordsError as error:
        faults += faults_of_shape(error.faults)
        faults += faults_of_report(error.report) if error.report else []  # type: ignore[arg-type]
    return None


def parsed(body: bytes, faults: list[Fault]) -> dict[str, Any]:
    """Parse a body, strictly."""
    shape: list[str] = []
    try:
        value = parse_json(body, shape)
    except dr.UnreadableRecordsError as error:
        raise RefusedError(
            422, "faulty payload", [Fault(path=None, rule="no_json", expected=str(error).partition("\n")[0])]
        ) from None
    faults += faults_of_shape(shape)
    if not isinstance(value, dict):
        raise RefusedError(422, "faulty payload", [Fault(path=None, rule="no_object", expected="an object")])
    return value


def read_request(
    body: bytes, kind: type[ScoreRequest | PupilRequest], served: Served
) -> tuple[Any, dr.PupilRecords]:
    """Read a call: its envelope and its records, with the faults of both at once."""
    faults: list[Fault] = []
    value = parsed(body, faults)
    envelope = None
    try:
        envelope = kind.model_validate(value)
    except ValidationError as error:
        faults += faults_of_envelope(error)
    key = "pupil" if kind is PupilRequest else "records"
    sent = value.get(key)
    if key == "pupil" and not (isinstance(sent, dict) and "pupil_id" in sent):
        sent = None
        faults.append(Fault(path="pupil", rule="no_pupil", expected="one pupil: an object with pupil_id"))
    pupils = sent.get("pupils") if isinstance(sent, dict) else sent
    if isinstance(pupils, list) and len(pupils) > served.settings.max_pupils:
        raise RefusedError(413, f"the body holds more than {served.settings.max_pupils} pupils")
    on_fault = "quarantine" if value.get("on_fault") == "quarantine" else "raise"
    records = None if sent is None else read_records(sent, served, on_fault, faults)
    if records is not None and isinstance(envelope, ScoreRequest):
        faults += strangers_to_exclude(envelope.exclude, records)
    if any(fault.severity == "error" for fault in faults) or envelope is None or records is None:
        raise RefusedError(422, "faulty payload", faults)
    return envelope, records


def strangers_to_exclude(exclude: tuple[str, ...], records: dr.PupilRecords) -> list[Fault]:
    """Refuse an objection that names nobody of the batch: written otherwise than in the records, it would be dropped in silence."""
    ids = set(records.pupils["pupil_id"])
    return [
        Fault(
            path=f"exclude[{place}]",
            rule="unknown_exclude",
            expected="the id of a pupil of this batch, written as there",
            meaning="une opposition au traitement qui ne nomme aucun élève du lot",
            remedy="envoyer avec un lot les oppositions de ses propres élèves, écrites comme dans records",
        )
        for place, pupil_id in enumerate(exclude)
        if pupil_id not in ids
    ]


def score(envelope: _Request, records: dr.PupilRecords, served: Served, **choices: Any) -> dr.RiskScores:  # noqa: ANN401
    """Score; what cannot be scored on that day is a fault of the day."""
    try:
        return dr.score_pupils(
            records,
            as_of=envelope.as_of,
            model=served.model,
            policy=served.policy,
            gaps=envelope.gaps,
            **choices,
        )
    except dr.CalendarError:
        calendar = served.calendar
        expected = f"a day from {calendar.first_day.isoformat()} to {calendar.last_day.isoformat()}"
    except dr.AsOfError:
        expected = "a day after the start of at least one enrolment"
    raise RefusedError(422, "faulty payload", [Fault(path="as_of", rule="as_of", expected=expected)])


def _body_schema(kind: type[BaseModel], key: str) -> dict[str, Any]:
    """Describe a request body: the envelope, with the published schema of the records in its place."""
    schema = kind.model_json_schema()
    # With an id of its own, the references of the schema are to itself and not to the page around it.
    records = payload_schema() | {"$id": "urn:decrochage-risk:pupil_records"}
    del records["$schema"]
    schema["properties"][key] = records
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": words}
    for status, words in {
        408: "The body came too slowly",
        413: "The body is too large, too deep, or holds too many pupils",
        422: "Every fault of the payload, without what stood there",
        503: "Too many calls wait: come again after Retry-After",
    }.items()
}


class Guard:
    """The outermost layer: counts and times every call, and lets no message of an error, which may quote a cell, out."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on; answer 500 with an id when anything unexpected is raised."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status, request_id = time.perf_counter(), 500, uuid.uuid4().hex

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"cache-control", b"no-store"),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - whatever it is, its message stays here
            last = traceback.extract_tb(error.__traceback__)[-1]
            LOG.error(  # noqa: TRY400 - a trace holds the message
                "call %s failed: %s at %s:%s",
                request_id,
                type(error).__name__,
                Path(last.filename).name,
                last.lineno,
            )
            body = Refusal(error="internal error", request_id=request_id).model_dump_json()
            await Response(body, 500, media_type="application/json")(scope, receive, watched)
        # A path that is no route is not written down: it may hold what a client took for an address, an id.
        route = getattr(scope.get("route"), "path", SCHEMA if scope.get("path") == SCHEMA else "unmatched")
        seconds = time.perf_counter() - start
        self.metrics.calls.labels(route, str(status)).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        LOG.info("%s %s %s %.0f ms", request_id, route, status, 1000 * seconds)


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def create_app(settings_file: Path | None = None) -> FastAPI:
    """Make the application; the model is loaded and warmed up before the first call is taken."""
    service = Service(settings_file, Served.of(Settings.read(settings_file)))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # What a warning says (demonstration model, faults, schools that sent nothing) stands in each answer; a log must not hold it.
        warnings.simplefilter("ignore", dr.DecrochageWarning)
        logging.getLogger("uvicorn.access").disabled = True  # it writes the path as it came
        tasks: set[asyncio.Task[None]] = set()

        def on_hangup() -> None:
            task = asyncio.get_running_loop().create_task(service.reload())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        if hasattr(signal, "SIGHUP"):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, on_hangup)
        yield

    # The pages of FastAPI load scripts from elsewhere; openapi.json says the same.
    app = FastAPI(
        title="decrochage-risk",
        version=_library_version(),
        lifespan=lifespan,
        openapi_url=SCHEMA,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    app.add_middleware(Guard, metrics=service.metrics)  # type: ignore[arg-type]
    _add_refusals(app, service)
    _add_identity(app, service)
    _add_scores(app, service)
    return app


def _library_version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - only needed here

    return version("decrochage-risk")


def _add_refusals(app: FastAPI, service: Service) -> None:
    @app.exception_handler(RefusedError)
    async def refuse(_: Request, refused: RefusedError) -> Response:
        for fault in refused.refusal.faults:
            service.metrics.faults.labels(fault.rule).inc()
        headers = {"retry-after": str(refused.retry_after)} if refused.retry_after is not None else {}
        content = refused.refusal.model_dump_json()
        return Response(content, refused.status, headers, "application/json")


def _add_identity(app: FastAPI, service: Service) -> None:
    @app.get("/health")
    async def health() -> dict[str, str | None]:
        """Tell that calls are answered, and whether the last reload was refused."""
        return {"status": "ok", "sha256": service.served.model.sha256, "reload_error": service.reload_error}

    @app.get("/v1/model")
    async def model() -> ModelIdentity:
        """Tell which model and policy are in service."""
        served = service.served
        return ModelIdentity(
            id=served.model.model_id,
            sha256=served.model.sha256,
            demo=served.model.demo,
            trained_on=tuple(served.model.trained_on["school_years"]),
            levels=served.model.levels,
            horizons=tuple(sorted(served.model.horizons)),
            policy_version=served.policy.version,
            library=_library_version(),
            loaded_at=served.loaded_at,
            reload_error=service.reload_error,
        )

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Give the measures, for Prometheus."""
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _add_scores(app: FastAPI, service: Service) -> None:
    def told(scores: dr.RiskScores) -> dr.RiskScores:
        risks = scores.frame["risk"]
        service.metrics.pupils.labels("yes").inc(int(risks.notna().sum()))
        service.metrics.pupils.labels("no").inc(int(risks.isna().sum()))
        return scores

    @app.post(
        "/v1/pupils",
        response_model=ScoreDocument,
        responses=REFUSALS,
        openapi_extra=_body_schema(ScoreRequest, "records"),
    )
    async def pupils(request: Request) -> Response:
        """Score a batch: as many results as pupils, in their order."""
        body = await read_body(request, service.served.settings)

        def work(served: Served) -> bytes:
            envelope, records = read_request(body, ScoreRequest, served)
            scores = told(
                score(envelope, records, served, explain=envelope.explain, exclude=envelope.exclude)
            )
            return scores.to_json().encode()

        return _json(await service.answer(work))

    @app.post(
        "/v1/pupil",
        response_model=PupilAnswer,
        responses=REFUSALS,
        openapi_extra=_body_schema(PupilRequest, "pupil"),
    )
    async def pupil(request: Request) -> Response:
        """Score one pupil."""
        body = await read_body(request, service.served.settings)

        def work(served: Served) -> bytes:
            envelope, records = read_request(body, PupilRequest, served)
            explain = "all" if envelope.explain else "none"
            scores = told(score(envelope, records, served, explain=explain))
            return PupilAnswer(run=scores.run, pupil=next(iter(scores))).model_dump_json().encode()

        return _json(await service.answer(work))


def main(arguments: list[str] | None = None) -> None:
    """Serve."""
    import uvicorn  # noqa: PLC0415 - create_app runs under any ASGI server

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", type=Path, help="a TOML file: model, sha256, policy, zone and limits")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    uvicorn.run(
        create_app(options.settings),
        host=options.host,
        port=options.port,
        access_log=False,
        timeout_graceful_shutdown=30,
    )


if __name__ == "__main__":
    main()
