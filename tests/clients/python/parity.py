"""Runs the official protovalidate over the vectors of the contract: it must find what the Rust services find.

    python -m grpc_tools.protoc -I proto --python_out=OUT $(cd proto && find buf renkei -name '*.proto')
    python tests/clients/python/parity.py OUT

Needs grpcio-tools (with its protobuf) and protovalidate. Prints `N passed, M failed`; the exit code is 1 if any failed.
"""

import importlib
import json
import re
import sys
from pathlib import Path

import protovalidate
from google.protobuf import descriptor_pool, message_factory

VECTORS = Path(__file__).parents[3] / "proto" / "tests" / "vectors.json"
MOST_SHOWN = 20


def main(generated: Path) -> int:
    sys.path.insert(0, str(generated))
    for module in sorted(generated.glob("renkei/**/*_pb2.py")):
        importlib.import_module(".".join(module.relative_to(generated).with_suffix("").parts))
    passed = failed = 0
    for name, packed, broken in json.loads(VECTORS.read_text(encoding="utf-8")):
        expected = sorted(map(tuple, broken))
        found = violations(name, unpack(packed))
        if found == expected:
            passed += 1
            continue
        failed += 1
        if failed <= MOST_SHOWN:
            print(f"{name} {packed[:80]}\n  expected {expected}\n  found    {found}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def violations(name: str, data: bytes) -> list[tuple[str, str]]:
    """Path of the field and id of the rule of each violation, sorted."""
    descriptor = descriptor_pool.Default().FindMessageTypeByName(name)
    message = message_factory.GetMessageClass(descriptor).FromString(data)
    found = (violation.proto for violation in protovalidate.collect_violations(message))
    return sorted((path(violation.field), violation.rule_id) for violation in found)


def path(field) -> str:
    """`introduced[2].scheme_id`; the contract has no maps, so an index is the only subscript."""
    steps = ((element.field_name, element.subscript) for element in field.elements)
    return ".".join(f"{step}[{subscript.value}]" if subscript else step for step, subscript in steps)


def unpack(packed: str) -> bytes:
    """Hex, in which `(e38182*2000)` stands for these bytes two thousand times."""
    return bytes.fromhex(re.sub(r"\((\w+)\*(\d+)\)", lambda run: run[1] * int(run[2]), packed))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
