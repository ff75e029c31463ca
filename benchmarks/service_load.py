"""The service under load: clients that call without a pause, errors, latency, memory over time, and how long a start takes.

Run ``python benchmarks/service_load.py [--clients 8] [--seconds 60] [--cold]``. The service of ``examples/service`` is started in a process of its own with the
demonstration model; each client sends one pupil of a synthetic cohort, with every tenth call a batch of 50. Memory is what the service
itself tells on ``/metrics``. ``--cold`` starts it once more before with an empty folder of compiled code.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

import decrochage_risk as dr
from one_pupil import AS_OF, payloads

SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "service" / "decrochage_service.py"
BATCH = 50


@dataclass
class Service:
    """A service in a process of its own, and the seconds until it first answered."""

    process: subprocess.Popen[bytes]
    url: str
    start_seconds: float


def start(cache: Path | None = None) -> Service:
    """Start a service and wait for it; compiled code is kept in ``cache``, where it otherwise is when left out."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    environment = os.environ | ({} if cache is None else {"NUMBA_CACHE_DIR": str(cache)})
    process = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, str(SCRIPT), "--port", str(port)], env=environment, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    while process.poll() is None:
        try:
            httpx.get(f"{url}/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return Service(process, url, time.perf_counter() - began)
    raise RuntimeError("the service did not start")


def memory(url: str) -> float:
    """Resident memory of the service, in MB."""
    return (
        float(
            re.search(
                r"^process_resident_memory_bytes (\S+)", httpx.get(f"{url}/metrics").text, re.MULTILINE
            )[1]
        )
        / 1e6
    )  # type: ignore[index]


def calls(url: str, bodies: list[str], batch: str, until: float) -> list[tuple[str, int, float]]:
    """Call until the end: kind, status and seconds of each call."""
    answers = []
    with httpx.Client(base_url=url, timeout=60) as client:
        number = 0
        while time.perf_counter() < until:
            number += 1
            kind, body = ("pupils", batch) if number % 10 == 0 else ("pupil", bodies[number % len(bodies)])
            began = time.perf_counter()
            try:
                status = client.post(f"/v1/{kind}", content=body).status_code
            except httpx.HTTPError:
                status = 0
            answers.append((kind, status, time.perf_counter() - began))
    return answers


def main() -> None:
    """Print the measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cold", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore", dr.DecrochageWarning)
    pupils = [json.loads(text)[0] for text in payloads(400, 60, seed=1)]
    bodies = [
        json.dumps({"as_of": AS_OF, "pupil": pupil, "gaps": ["absences", "grades"]}) for pupil in pupils
    ]
    batch = json.dumps({"as_of": AS_OF, "records": pupils[:BATCH]})
    print("| what | measured |\n|---|---|")
    if options.cold:
        with tempfile.TemporaryDirectory() as empty:
            cold = start(Path(empty))
            cold.process.terminate()
            cold.process.wait()
            print(f"| start to first answer, nothing compiled | {cold.start_seconds:.1f} s |", flush=True)
    service = start()
    print(f"| start to first answer, compiled code kept | {service.start_seconds:.1f} s |", flush=True)
    try:
        calls(service.url, bodies, batch, time.perf_counter() + 3)  # allocations of the first calls
        levels = [memory(service.url)]
        until = time.perf_counter() + options.seconds
        with ThreadPoolExecutor(options.clients) as clients:
            running = [
                clients.submit(calls, service.url, bodies, batch, until) for _ in range(options.clients)
            ]
            while time.perf_counter() < until:
                time.sleep(min(10, options.seconds / 6))
                levels.append(memory(service.url))
            answers = [answer for call in running for answer in call.result()]
    finally:
        service.process.terminate()
        service.process.wait()
    print(
        f"| calls of {options.clients} clients in {options.seconds:.0f} s, errors | {len(answers)}, {sum(status != 200 for _, status, _ in answers)} |"
    )
    for kind, words in (("pupil", "one pupil, explained"), ("pupils", f"a batch of {BATCH}")):
        times = 1000 * np.array([seconds for name, _, seconds in answers if name == kind])
        print(
            f"| {words}: p50, p99 under that load | {np.median(times):.0f}, {np.quantile(times, 0.99):.0f} ms |"
        )
    print(f"| memory along the way | {', '.join(f'{level:.0f}' for level in levels)} MB |")


if __name__ == "__main__":
    main()
