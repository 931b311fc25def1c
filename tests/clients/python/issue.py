"""A valid request for a referral."""

import uuid

from renkei.referral.v1 import referral_pb2, referral_service_pb2
from renkei.type.v1 import incident_pb2, text_pb2


def issue_request(report: str) -> referral_service_pb2.IssueReferralRequest:
    """The request to refer the reporter of a report to the other agency's scheme, with a new request id."""
    request = referral_service_pb2.IssueReferralRequest(
        request_id=str(uuid.uuid4()),
        report=report,
        reported_under="agencies/ppc/schemes/leak-report-private",
        judgement=incident_pb2.Judgement(
            finding=incident_pb2.FINDING_APPLIES,
            ground=incident_pb2.GROUND_TRACES,
            certainty=incident_pb2.CERTAINTY_CONFIRMED,
        ),
        scope_facts=referral_pb2.ScopeFacts(
            electronic=True,
            personal_information=True,
            kind=incident_pb2.INCIDENT_KIND_ACCESS,
            reporter=incident_pb2.REPORTER_KIND_BUSINESS,
        ),
        language=text_pb2.LANGUAGE_JA,
        with_code=True,
    )
    # A time in the past of the sandbox's clock.
    request.judgement.judged_at.FromJsonString("2026-11-24T00:00:00Z")
    return request
