"""What the status of a refused call tells beside its code. This file depends on no other, so it can be copied.

Needs grpcio-status and googleapis-common-protos.
"""

from dataclasses import dataclass, field

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, PreconditionFailure, RetryInfo
from grpc_status import rpc_status


@dataclass
class Details:
    """The details of an error. All are empty if no service of this contract has answered."""

    # The stable reason, such as `ETAG_STALE`.
    reason: str = ""
    # The wrong fields in order: each has its path in `field`, what must hold in `description`, and the sentence for officials in
    # `localized_message`.
    fields: list[BadRequest.FieldViolation] = field(default_factory=list)
    preconditions: list[PreconditionFailure.Violation] = field(default_factory=list)
    # The sentence for officials.
    japanese: str = ""
    # The seconds after which the call may succeed; None if they are not stated.
    retry_after: float | None = None


def details(error: grpc.RpcError) -> Details:
    found = Details()
    status = rpc_status.from_call(error)
    for packed in status.details if status else ():
        if packed.Unpack(info := ErrorInfo()) and info.domain == "renkei":
            found.reason = info.reason
        elif packed.Unpack(bad := BadRequest()):
            found.fields = list(bad.field_violations)
        elif packed.Unpack(failure := PreconditionFailure()):
            found.preconditions = list(failure.violations)
        elif packed.Unpack(message := LocalizedMessage()) and message.locale == "ja":
            found.japanese = message.message
        elif packed.Unpack(retry := RetryInfo()):
            found.retry_after = retry.retry_delay.ToTimedelta().total_seconds()
    return found
