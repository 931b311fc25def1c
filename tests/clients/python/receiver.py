"""A collector for tests that shares no code with the services: OTLP over gRPC, read by the official protocol classes.

    python tests/clients/python/receiver.py [--slow SECONDS]

Prints `listening 127.0.0.1:PORT`, then one line of JSON for each span, metric and log record that it is sent. Read its
output: a full pipe holds up the answers. Ends when its standard input is closed, or on SIGTERM. Needs grpcio and
opentelemetry-proto.
"""

import argparse
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

# Exports that may wait for their slow answers at once.
WAITING = 32
# Lines of two exports are never mixed.
PRINTING = threading.Lock()


class Service:
    """One of the three services: what `read` finds in an export is printed at once, and answered after `slow` seconds.

    A caller that gave up ends the wait.
    """

    def __init__(self, read: Callable[[object], Iterable[dict[str, object]]], answer: type, slow: float) -> None:
        self.read = read
        self.answer = answer
        self.slow = slow

    def Export(self, request, context: grpc.ServicerContext):
        found = list(self.read(request))
        with PRINTING:
            for line in found:
                print(json.dumps(line, allow_nan=False, separators=(",", ":"), sort_keys=True), flush=True)
        ended = threading.Event()
        if self.slow and context.add_callback(ended.set):
            ended.wait(self.slow)
        return self.answer()


def spans(request) -> Iterator[dict[str, object]]:
    for part in request.resource_spans:
        for span in (span for scope in part.scope_spans for span in scope.spans):
            yield {
                "signal": "span",
                "service": service(part.resource),
                "name": span.name,
                "trace_id": span.trace_id.hex(),
                "span_id": span.span_id.hex(),
                "parent_span_id": span.parent_span_id.hex(),
                "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                "status": Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_").lower(),
                "attributes": attributes(span.attributes),
                "links": [{"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()} for link in span.links],
            }


def metrics(request) -> Iterator[dict[str, object]]:
    for part in request.resource_metrics:
        for metric in (metric for scope in part.scope_metrics for metric in scope.metrics):
            kind = metric.WhichOneof("data")
            yield {
                "signal": "metric",
                "service": service(part.resource),
                "name": metric.name,
                "unit": metric.unit,
                "type": kind or "",
                "points": len(getattr(metric, kind).data_points) if kind else 0,
            }


def logs(request) -> Iterator[dict[str, object]]:
    for part in request.resource_logs:
        for record in (record for scope in part.scope_logs for record in scope.log_records):
            number = SeverityNumber.Name(record.severity_number).removeprefix("SEVERITY_NUMBER_")
            yield {
                "signal": "log",
                "service": service(part.resource),
                "severity": record.severity_text or number,
                "body": plain(record.body),
                "trace_id": record.trace_id.hex(),
            }


def service(resource) -> object:
    """The name that a service gives itself; empty if it gives none."""
    return attributes(resource.attributes).get("service.name", "")


def attributes(pairs) -> dict[str, object]:
    return {pair.key: plain(pair.value) for pair in pairs}


def plain(value) -> object:
    """A value as JSON has it. Bytes are hex, and numbers that JSON lacks are strings."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    held = getattr(value, kind)
    if kind == "array_value":
        return [plain(item) for item in held.values]
    if kind == "kvlist_value":
        return attributes(held.values)
    if kind == "bytes_value":
        return held.hex()
    if kind == "double_value" and not math.isfinite(held):
        return str(held)
    return held


def end(*_: object) -> NoReturn:
    """At once, even if answers wait or nobody reads the lines: an ordinary exit would wait for them."""
    os._exit(0)


def main(slow: float) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    server = grpc.server(ThreadPoolExecutor(max_workers=WAITING))
    traces = Service(spans, trace_service_pb2.ExportTraceServiceResponse, slow)
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(traces, server)
    measures = Service(metrics, metrics_service_pb2.ExportMetricsServiceResponse, slow)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(measures, server)
    records = Service(logs, logs_service_pb2.ExportLogsServiceResponse, slow)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(records, server)
    # Told before anything is taken, so that no other line is the first; who connects earlier waits.
    print(f"listening 127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", flush=True)
    server.start()
    sys.stdin.buffer.read()
    end()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", type=float, default=0, metavar="SECONDS", help="answer each export only after these")
    main(parser.parse_args().slow)
