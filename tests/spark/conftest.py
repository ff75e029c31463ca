"""A real Spark on this machine, two tasks at a time, each of which may be tried again."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

REQUIRED = "DECROCHAGE_TEST_SPARK"
"""Set by ``make test-spark``: the tests then start Spark, and fail without a Java; otherwise they are passed over."""


@pytest.fixture(scope="session")
def spark_is_there() -> None:
    """Pass over with the reason where nobody asked for Spark; fail where it was asked for and cannot start."""
    if not os.environ.get(REQUIRED):
        pytest.skip("starting Spark takes minutes: make test-spark does it")
    if shutil.which("java") is None:
        pytest.fail("make test-spark needs a Java runtime on the PATH. Run .ci/set-up-spark.")


@pytest.fixture(scope="session")
def connect_port() -> int:
    """Find a port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def spark(spark_is_there: None, connect_port: int) -> Iterator[Any]:  # noqa: ARG001 - nothing is imported where it is passed over
    """Start Spark once; it serves clients over Spark Connect too."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2,4]")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        # A machine that lives for two minutes pays more for compiling well than it gains.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(connect_port),
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "Europe/Paris",
    }.items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        # Spark 4.3 says of pandas 3 that some features may not work; none of them is used.
        warnings.simplefilter("ignore")
        session = builder.getOrCreate()
    yield session
    session.stop()
