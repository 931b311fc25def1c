"""Calls both services of a sandbox as an internal system in Python would: plain grpcio, and code made by grpcio-tools.

The commands that generate its code and run it are in docs/integrate.md; docs/clients.md has a second way. Prints a line for
each step; the exit code is 1 if any has failed.
"""

import json
import random
import subprocess
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from errors import details
from issue import issue_request
from renkei.advice.v1 import advice_pb2, advice_service_pb2, advice_service_pb2_grpc
from renkei.agreement.v1 import agreement_service_pb2, agreement_service_pb2_grpc
from renkei.referral.v1 import referral_service_pb2, referral_service_pb2_grpc
from renkei.referral.v1 import scheme_service_pb2, scheme_service_pb2_grpc
from renkei.sharing.v1 import item_pb2, item_service_pb2, item_service_pb2_grpc
from renkei.type.v1 import incident_pb2, scope_pb2, statement_pb2, text_pb2
from renkei.watch.v1 import watch_service_pb2, watch_service_pb2_grpc

PROFILE = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
EXPECTED = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
OFFICIAL = ("renkei-official", "tanaka")
# The metadata of most calls, and of calls that concern an item.
NAMED = {"metadata": [OFFICIAL], "timeout": 10}
POLICY = {"metadata": [OFFICIAL, ("renkei-purpose", "policy")], "timeout": 10}
# No statement may be of the future, and the clock of a sandbox is not that of this program.
BEFORE = "2026-11-24T00:00:00Z"
# A watch is silent for long, and only a ping tells a silent service from a dead one.
PINGS = [("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 10_000)]


def desk(agency: str, caller: str, folder: Path | None = None) -> grpc.Channel:
    """A connection to an agency's desk, with the certificate of one of its systems. The first call opens it."""
    service = PROFILE[agency]
    folder = folder or Path(service["callers"]) / caller
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(folder / "roots.pem").read_bytes(),
        private_key=(folder / "key.pem").read_bytes(),
        certificate_chain=(folder / "certificate.pem").read_bytes(),
    )
    name = ("grpc.ssl_target_name_override", service["server_name"])
    return grpc.secure_channel(service["address"], credentials, [name, *PINGS])


class Feed:
    """A watch of an agency's changes."""

    def __init__(self, channel: grpc.Channel, cursor: str, seconds: float = 30) -> None:
        # A real system watches without a deadline; here nothing may hang.
        watch = watch_service_pb2_grpc.WatchServiceStub(channel)
        request = watch_service_pb2.WatchRequest(cursor=cursor)
        self.responses = watch.Watch(request, metadata=[OFFICIAL], timeout=seconds)
        # The place from which another watch continues.
        self.cursor = cursor
        # The changes so far, without the heartbeats.
        self.events: list = []

    def read(self) -> "Feed":
        """Reads one change or heartbeat. Both carry the cursor."""
        response = next(self.responses)
        self.cursor = response.cursor
        if response.HasField("event"):
            self.events.append(response.event)
        return self

    def count(self, matter: str, fact_type: str) -> int:
        wanted = (matter, fact_type)
        return sum((event.matter, event.entry_applied.fact_type) == wanted for event in self.events)

    def until(self, matter: str, fact_type: str) -> None:
        """Reads until a matter has an entry of this kind."""
        while self.count(matter, fact_type) == 0:
            self.read()

    def end(self) -> grpc.RpcError:
        """Reads to the end, which is an error: a watch has no other end."""
        try:
            while True:
                self.read()
        except grpc.RpcError as error:
            return error


def schemes() -> None:
    with desk("ppc", "intake") as channel:
        same(sorted(scheme.name for scheme in list_schemes(channel).schemes), EXPECTED["schemes"])


def referral() -> None:
    with desk("ppc", "intake") as channel:
        referrals = referral_service_pb2_grpc.ReferralServiceStub(channel)
        request = issue_request(report())
        issued = referrals.IssueReferral(request, **NAMED)
        true(issued.referral.case_number, "the referral has a case number")
        same(referrals.IssueReferral(request, **NAMED), issued)
        request.report = report()
        refused("request_id_reused", lambda: referrals.IssueReferral(request, **NAMED))


def watch() -> None:
    """A watch that was cut and goes on shows what one shows that was never cut."""
    with desk("ppc", "casework") as channel:
        begin = start(channel)
        feed = Feed(channel, begin)
        asked = submit(channel, advice_request())
        feed.until(asked.name, "advice_requested")
    # The line is cut, and the other agency goes on.
    with desk("ipa", "casework") as channel:
        Feed(channel, "-").until(asked.name, "advice_requested")
        accept = advice_service_pb2.AcceptAdviceRequestRequest(
            request_id=request_id(), name=asked.name, planned_on=asked.due.on
        )
        advice_service_pb2_grpc.AdviceGivingServiceStub(channel).AcceptAdviceRequest(accept, **NAMED)
    with desk("ppc", "casework") as channel:
        rest, whole = Feed(channel, feed.cursor), Feed(channel, begin)
        rest.until(asked.name, "advice_accepted")
        whole.until(asked.name, "advice_accepted")
        same(feed.events + rest.events, whole.events)


def restart() -> None:
    """A call with a fixed request id is repeated while the service restarts, and has one effect."""
    with desk("ppc", "casework") as channel, ThreadPoolExecutor() as pool:
        before = Feed(channel, start(channel))
        ended = pool.submit(before.end)
        process = subprocess.Popen([*PROFILE["restart"], "ppc"], stdout=subprocess.DEVNULL)
        request = advice_request()
        asked = answered(lambda: submit(channel, request))
        while process.poll() is None:
            same(answered(lambda: submit(channel, request)), asked)
            time.sleep(0.1)
        same(process.returncode, 0)
        same(answered(lambda: submit(channel, request)), asked)

        error = ended.result()
        print("the watch ended:", text(error), file=sys.stderr)
        same(error.code().name, "UNAVAILABLE")
        true(details(error).reason in ("DRAINING", ""), f"the watch has ended with {details(error).reason}")
        after = Feed(channel, before.cursor)
        # A change of another matter, after which there is no more of this one.
        after.until(submit(channel, advice_request()).name, "advice_requested")
        same(before.count(asked.name, "advice_requested") + after.count(asked.name, "advice_requested"), 1)


def item() -> None:
    with desk("ipa", "sharing") as ipa, desk("ppc", "sharing") as ppc:
        at_ipa, at_ppc = item_service_pb2_grpc.ItemServiceStub(ipa), item_service_pb2_grpc.ItemServiceStub(ppc)
        begin = at_ppc.ListItems(item_service_pb2.ListItemsRequest(parent="agencies/ipa"), **POLICY).as_of
        request = item_request()
        published = at_ipa.PublishItem(request, **POLICY)
        Feed(ppc, begin).until(published.name, "threat_information_published")
        read = at_ppc.GetItem(item_service_pb2.GetItemRequest(name=published.name), **POLICY)
        same(read.content, request.content)


def paging() -> None:
    with desk("ppc", "intake") as channel:
        paged, token = [], ""
        while not paged or token:
            page = list_schemes(channel, page_size=1, page_token=token)
            same(len(page.schemes), 1)
            paged += page.schemes
            token = page.next_page_token
        same(paged, list(list_schemes(channel).schemes))


def errors() -> None:
    with desk("ppc", "intake") as intake, desk("ppc", "casework") as casework, desk("ppc", "reader") as reader:
        referrals = referral_service_pb2_grpc.ReferralServiceStub(intake)
        request = advice_request()
        asked = submit(casework, request)

        invalid = issue_request(report())
        invalid.report, invalid.scope_facts.kind = "no/report here", 99
        refused("invalid_field", lambda: referrals.IssueReferral(invalid, **NAMED))
        agreement = agreement_service_pb2_grpc.AgreementServiceStub(intake)
        get_agreement = agreement_service_pb2.GetAgreementRequest(name="agreement")
        refused("no_official", lambda: agreement.GetAgreement(get_agreement, timeout=10))
        advice = advice_service_pb2_grpc.AdviceServiceStub(casework)
        list_entries = advice_service_pb2.ListAdviceEntriesRequest(parent=asked.name)
        refused("no_purpose", lambda: advice.ListAdviceEntries(list_entries, **NAMED))
        refused("broken_page_token", lambda: list_schemes(intake, page_token="broken"))
        as_reader = referral_service_pb2_grpc.ReferralServiceStub(reader)
        refused("no_role", lambda: as_reader.IssueReferral(issue_request(report()), **NAMED))
        nowhere = referral_service_pb2.GetReferralRequest(name=f"agencies/ppc/referrals/{request_id()}")
        refused("nothing_there", lambda: referrals.GetReferral(nowhere, **NAMED))
        request.title = "別の件名"
        refused("request_id_reused", lambda: submit(casework, request))
        # The first supplement changes the version that was read.
        supplement(casework, asked)
        refused("stale_etag", lambda: supplement(casework, asked))
        refused("unknown_cursor", lambda: Feed(intake, "unknown").read())


def retry_info() -> None:
    """Each watch begins at the beginning, so that its first change shows that it is open."""
    expected = EXPECTED["retry_info"]
    with desk("ppc", "auditor") as channel:
        feeds = [Feed(channel, "-").read() for _ in range(expected["watchers"])]
        error = failed(lambda: Feed(channel, "-").read())
        same((error.code().name, details(error).reason), (expected["code"], expected["reason"]))
        true((details(error).retry_after or 0) > 0, "the refusal states when to come again")
        for feed in feeds:
            feed.responses.cancel()


def message_limit() -> None:
    with desk("ppc", "intake") as channel:
        request = issue_request(report())
        request.report = "a" * EXPECTED["message_limit"]["bytes"]
        error = failed(lambda: referral_service_pb2_grpc.ReferralServiceStub(channel).IssueReferral(request, **NAMED))
        print("a large message:", text(error), file=sys.stderr)
        same(error.code().name, EXPECTED["message_limit"]["code"])


def deadline() -> None:
    # Not the caller of the step before, whose watches may still be counted.
    with desk("ppc", "reader") as channel:
        same(Feed(channel, "", seconds=1).end().code().name, EXPECTED["deadline"]["code"])


def certificates() -> None:
    for name, code in EXPECTED["certificates"].items():
        with desk("ppc", name, Path(PROFILE["wrong"]) / name) as channel:
            error = failed(lambda channel=channel: list_schemes(channel))
            print(f"the certificate {name}:", text(error), file=sys.stderr)
            same((name, error.code().name), (name, code))


def request_id() -> str:
    """An id for one intended act, which keeps it when it is repeated: a repeat gets the first answer."""
    return str(uuid.uuid4())


def report() -> str:
    """The number of a report: a report has one referral, so each has another number."""
    return f"2026-{random.randrange(1_000_000):06}"


def advice_request():
    return advice_service_pb2.SubmitAdviceRequestRequest(
        request_id=request_id(),
        title="改ざんされた決済画面",
        purposes=[advice_pb2.ADVICE_PURPOSE_ROOT_CAUSE],
        urgency=advice_pb2.URGENCY_NORMAL,
        submission=submission("何を保全するか"),
    )


def submission(question: str):
    fact = statement_pb2.Statement(text="決済画面が改ざんされた", certainty=incident_pb2.CERTAINTY_CONFIRMED)
    fact.as_of.FromJsonString(BEFORE)
    return advice_pb2.Submission(facts=[fact], questions=[question])


def item_request():
    """An item for the whole receiving party."""
    text = item_pb2.ItemText(
        title=f"改ざんの手口 {request_id()}",
        body="# 改ざんの手口",
        language=text_pb2.LANGUAGE_JA,
        certainty=incident_pb2.CERTAINTY_ESTIMATED,
    )
    text.as_of.FromJsonString(BEFORE)
    return item_service_pb2.PublishItemRequest(
        request_id=request_id(),
        terms=item_pb2.ItemTerms(scope=scope_pb2.Scope(undesignated=scope_pb2.Undesignated())),
        content=item_pb2.ItemContent(threat_information=item_pb2.ThreatInformation(text=text)),
    )


def list_schemes(channel: grpc.Channel, **page: object):
    request = scheme_service_pb2.ListSchemesRequest(parent="agencies/-", **page)
    return scheme_service_pb2_grpc.SchemeServiceStub(channel).ListSchemes(request, **NAMED)


def start(channel: grpc.Channel) -> str:
    """The place of the feed that a list reflects: a watch from there misses nothing that came after the list."""
    request = advice_service_pb2.ListAdviceRequestsRequest()
    return advice_service_pb2_grpc.AdviceServiceStub(channel).ListAdviceRequests(request, **NAMED).as_of


def submit(channel: grpc.Channel, request):
    return advice_service_pb2_grpc.AdviceAskingServiceStub(channel).SubmitAdviceRequest(request, **NAMED)


def supplement(channel: grpc.Channel, asked):
    request = advice_service_pb2.SupplementAdviceRequestRequest(
        request_id=request_id(), name=asked.name, etag=asked.etag, submission=submission("始期の推定")
    )
    return advice_service_pb2_grpc.AdviceAskingServiceStub(channel).SupplementAdviceRequest(request, **NAMED)


def answered(call: Callable[[], object]):
    """Repeats a call until it is answered. This is safe for reads, and for requests that keep their request id."""
    end = time.monotonic() + 20
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > end:
                raise
            print("not answered:", text(error), file=sys.stderr)
            time.sleep(details(error).retry_after or 0.2)


def refused(row: str, call: Callable[[], object]) -> None:
    """Makes a call that is refused as a row of the expected errors states."""
    expected = EXPECTED["errors"][row]
    error = failed(call)
    code, found = error.code().name, details(error)
    fields = [violation.field for violation in found.fields]
    same((row, code, found.reason, fields), (row, expected["code"], expected["reason"], expected["fields"]))
    preconditions = [found.reason] if code == "FAILED_PRECONDITION" else []
    same((row, [violation.type for violation in found.preconditions]), (row, preconditions))
    true(is_japanese(found.japanese), f"{row} has a sentence in Japanese")
    for violation in found.fields:
        true(is_japanese(violation.localized_message.message), f"{row} has a sentence for {violation.field}")


def is_japanese(sentence: str) -> bool:
    return any(ord(letter) > 0x3000 for letter in sentence)


def failed(call: Callable[[], object]) -> grpc.RpcError:
    try:
        answer = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"answered with {answer}")


def text(error: grpc.RpcError) -> str:
    return f"{error.code().name}: {error.details()}"


def same(found: object, expected: object) -> None:
    true(found == expected, f"expected {expected!r}, found {found!r}")


def true(holds: object, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def done(step: Callable[[], None]) -> bool:
    try:
        step()
    except Exception as error:  # Whatever it is, it failed this step and no other.
        traceback.print_exc()
        print(f"FAILED {step.__name__}: {str(error).partition(chr(10))[0]}")
        return False
    print(f"ok {step.__name__}")
    return True


STEPS = [
    schemes, referral, watch, restart, item, paging, errors, retry_info, message_limit, deadline, certificates,
]  # fmt: skip

if __name__ == "__main__":
    steps = {step.__name__: step for step in STEPS}
    sys.exit(0 if all([done(steps[name]) for name in EXPECTED["steps"]]) else 1)
