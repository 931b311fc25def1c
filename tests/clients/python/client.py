"""Calls both services of a sandbox as an internal system in Python would: plain grpcio, and code made by grpcio-tools.

    files=$(cd proto && find buf renkei -name '*.proto')
    python -m grpc_tools.protoc -I proto --python_out=OUT --grpc_python_out=OUT $files
    python tests/clients/python/client.py OUT BUF

Run it in the project's root after `./dev build`. It starts a sandbox, makes its calls, runs the calls that the sandbox
prints for pasting (BUF is the program buf) and ends the sandbox. Needs grpcio, grpcio-status, googleapis-common-protos.
Prints `N passed, M failed`; the exit code is 1 if any failed.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

# Refused connections are expected here, and need not be told of.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from errors import Details, details

SANDBOX = "target/debug/sandbox"
# Seconds for all of it; then something hangs.
BOUND = 180
OFFICIAL = ("renkei-official", "tanaka")
RESPONSE = ("renkei-purpose", "incident_response")
POLICY = ("renkei-purpose", "policy")


class Sandbox:
    """Both services, as the sandbox tells of them."""

    def __init__(self, folder: str) -> None:
        self.process = subprocess.Popen(
            [SANDBOX, "--folder", folder],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            start_new_session=True,
        )
        self.desks: dict[str, str] = {}
        self.certificates: dict[str, Path] = {}
        self.pasted: list[list[str]] = []
        self.last = ""

    def listen(self) -> None:
        """Reads what it prints until it says that it stays up."""
        agency, line = "", ""
        for text in self.process.stdout:
            line += text.rstrip("\n")
            if line.endswith("\\"):
                line = line[:-1]
                continue
            words = line.split()
            if line in ("ppc", "ipa"):
                agency = line
            elif words[:1] == ["desk"]:
                self.desks[agency] = words[1].removeprefix("https://")
            elif line.startswith("  callers' certificates in "):
                self.certificates[agency] = Path(line.removeprefix("  callers' certificates in "))
            elif words[:2] == ["buf", "curl"]:
                self.pasted.append(shlex.split(line))
            elif line.startswith("entries: "):
                self.last = line
            elif "stay up" in line:
                return
            line = ""
        raise RuntimeError(f"the sandbox ended with {self.process.wait()} before it stayed up")

    def desk(self, agency: str, caller: str, whose: str = "") -> grpc.Channel:
        """A connection to an agency's desk, with the certificate of one of its systems."""
        folder = self.certificates[whose or agency] / caller
        trusted = self.certificates[agency] / caller
        credentials = grpc.ssl_channel_credentials(
            root_certificates=(trusted / "roots.pem").read_bytes(),
            private_key=(folder / "key.pem").read_bytes(),
            certificate_chain=(folder / "certificate.pem").read_bytes(),
        )
        return grpc.secure_channel(self.desks[agency], credentials)

    def end(self) -> int:
        """Ends it as Ctrl-C in a terminal does: the services hear of it too."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """Leaves nothing behind, whatever happened."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Client:
    """The calls. Each method whose name begins with `test_` is one check."""

    def __init__(self, sandbox: Sandbox, buf: str) -> None:
        self.sandbox = sandbox
        self.buf = buf
        self.intake = sandbox.desk("ppc", "intake")
        self.referrals = referral_service_pb2_grpc.ReferralServiceStub(self.intake)
        self.schemes = scheme_service_pb2_grpc.SchemeServiceStub(self.intake)
        self.agreement = agreement_service_pb2_grpc.AgreementServiceStub(self.intake)

    def test_the_agreement_is_read(self) -> None:
        agreement = self.agreement.GetAgreement(GetAgreementRequest(name="agreement"), metadata=[OFFICIAL], timeout=10)
        same(agreement.name, "agreement")

    def test_a_list_comes_page_by_page(self) -> None:
        whole = self.schemes.ListSchemes(ListSchemesRequest(parent="agencies/-"), metadata=[OFFICIAL], timeout=10)
        paged, token = [], ""
        while True:
            request = ListSchemesRequest(parent="agencies/-", page_size=1, page_token=token)
            page = self.schemes.ListSchemes(request, metadata=[OFFICIAL], timeout=10)
            same(len(page.schemes), 1)
            paged += page.schemes
            token = page.next_page_token
            if not token:
                break
        same(paged, list(whole.schemes))
        names = sorted(scheme.name for scheme in paged)
        expected = ["ipa/schemes/unauthorised-access", "ipa/schemes/virus"]
        expected += ["ppc/schemes/leak-report-private", "ppc/schemes/leak-report-public"]
        same(names, [f"agencies/{name}" for name in expected])

    def test_a_referral_is_issued_read_and_watched(self) -> None:
        parent = ListReferralsRequest(parent="agencies/ppc")
        seen = self.referrals.ListReferrals(parent, metadata=[OFFICIAL], timeout=10)
        request = issue_request("2026-009001")
        issued = self.referrals.IssueReferral(request, metadata=[OFFICIAL], timeout=10)
        true(issued.code.count("-") == 2, f"a referral code: {issued.code}")
        true(issued.code in issued.notice.ja and issued.code in issued.notice.en, "the notice quotes the code")
        same([scheme.name for scheme in issued.schemes], ["agencies/ipa/schemes/unauthorised-access"])
        again = self.referrals.IssueReferral(request, metadata=[OFFICIAL], timeout=10)
        same(again, issued)
        read = self.referrals.GetReferral(
            GetReferralRequest(name=issued.referral.name), metadata=[OFFICIAL], timeout=10
        )
        same(read.case_number, issued.referral.case_number)
        applied = self.watched("ppc", seen.as_of, issued.referral.name)
        same((applied.fact_type, applied.author), ("referral_issued", agency_pb2.AGENCY_PPC))
        at_peer = self.watched("ipa", "-", issued.referral.name)
        same(at_peer, applied)

    def watched(self, agency: str, cursor: str, matter: str):
        """The first entry of a matter that an agency's feed shows."""
        with self.sandbox.desk(agency, "auditor") as channel:
            watch = watch_service_pb2_grpc.WatchServiceStub(channel)
            events = watch.Watch(WatchRequest(cursor=cursor, matter=matter), metadata=[OFFICIAL], timeout=30)
            for event in events:
                true(event.cursor != "", "every event and heartbeat carries a cursor")
                if event.event.HasField("entry_applied"):
                    events.cancel()
                    same(event.event.matter, matter)
                    return event.event.entry_applied
        raise AssertionError(f"the feed of {agency} ended")

    def test_the_words_of_advice_are_read_for_a_purpose(self) -> None:
        with self.sandbox.desk("ipa", "casework") as channel:
            advice = advice_service_pb2_grpc.AdviceServiceStub(channel)
            listed = advice.ListAdviceRequests(ListAdviceRequestsRequest(), metadata=[OFFICIAL], timeout=10)
            request = ListAdviceEntriesRequest(parent=listed.advice_requests[0].name)
            error = refused(lambda: advice.ListAdviceEntries(request, metadata=[OFFICIAL], timeout=10))
            said(error, grpc.StatusCode.INVALID_ARGUMENT, "PURPOSE_MISSING")
            entries = advice.ListAdviceEntries(request, metadata=[OFFICIAL, RESPONSE], timeout=10).entries
        kinds = [entry.fact_type for entry in entries]
        same((kinds[0], kinds[-1]), ("advice_requested", "advice_closed"))
        asked = entries[0].advice_requested
        same((len(asked.submission.questions), asked.reporter_dates.final_due), (4, "2027-01-12"))

    def test_an_item_is_found_within_its_scope_and_nowhere_else(self) -> None:
        names = {}
        for caller, purpose in (("sharing", POLICY), ("casework", RESPONSE)):
            with self.sandbox.desk("ppc", caller) as channel:
                items = item_service_pb2_grpc.ItemServiceStub(channel)
                request = ListItemsRequest(parent="agencies/ipa")
                listed = items.ListItems(request, metadata=[OFFICIAL, purpose], timeout=10)
                names[caller] = {item.kind: item.name for item in listed.items}
                if caller == "casework":
                    hidden = names["sharing"][item_pb2.ITEM_KIND_TECHNOLOGY_TREND]
                    get = GetItemRequest(name=hidden)
                    error = refused(lambda: items.GetItem(get, metadata=[OFFICIAL, purpose], timeout=10))
                    said(error, grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
                    report = GetItemRequest(name=names[caller][item_pb2.ITEM_KIND_THREAT_INFORMATION])
                    item = items.GetItem(report, metadata=[OFFICIAL, purpose], timeout=10)
                    bundle = json.loads(item.content.threat_information.text.stix_bundle)
                    same(bundle["type"], "bundle")
        same((len(names["sharing"]), len(names["casework"])), (2, 1))

    def test_an_invalid_field_is_named(self) -> None:
        request = issue_request("2026-009001")
        request.report = "no/report here"
        request.scope_facts.kind = 99
        error = refused(lambda: self.referrals.IssueReferral(request, metadata=[OFFICIAL], timeout=10))
        violations = said(error, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID").fields
        same([violation.field for violation in violations], ["report", "scope_facts.kind"])
        true(all(violation.reason == "FIELD_INVALID" and violation.description for violation in violations), "reasons")
        true("no/report" not in str(error), "the value is not repeated")

    def test_a_missing_official_is_refused(self) -> None:
        request = GetAgreementRequest(name="agreement")
        error = refused(lambda: self.agreement.GetAgreement(request, timeout=10))
        said(error, grpc.StatusCode.INVALID_ARGUMENT, "OFFICIAL_MISSING")

    def test_a_system_without_the_role_is_refused(self) -> None:
        with self.sandbox.desk("ppc", "reader") as channel:
            referrals = referral_service_pb2_grpc.ReferralServiceStub(channel)
            error = refused(lambda: referrals.IssueReferral(issue_request("2026-009001"), metadata=[OFFICIAL], timeout=10))
        said(error, grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")

    def test_a_system_that_is_not_configured_is_refused(self) -> None:
        with self.sandbox.desk("ppc", "unconfigured") as channel:
            agreement = agreement_service_pb2_grpc.AgreementServiceStub(channel)
            request = GetAgreementRequest(name="agreement")
            error = refused(lambda: agreement.GetAgreement(request, metadata=[OFFICIAL], timeout=10))
        said(error, grpc.StatusCode.PERMISSION_DENIED, "CALLER_UNKNOWN")

    def test_the_other_agencys_certificate_opens_no_connection(self) -> None:
        with self.sandbox.desk("ppc", "intake", whose="ipa") as channel:
            agreement = agreement_service_pb2_grpc.AgreementServiceStub(channel)
            request = GetAgreementRequest(name="agreement")
            error = refused(lambda: agreement.GetAgreement(request, metadata=[OFFICIAL], timeout=10))
        same(error.code(), grpc.StatusCode.UNAVAILABLE)
        same(details(error), Details())

    def test_the_printed_calls_work_as_they_stand(self) -> None:
        same(len(self.sandbox.pasted), 10)
        for words in self.sandbox.pasted:
            done = subprocess.run([self.buf, *words[1:]], capture_output=True, text=True, encoding="utf-8", check=False)
            same((done.returncode, done.stderr), (0, ""))
            answer = json.loads(done.stdout)
            method = words[-1].rsplit("/", 1)[1]
            if method == "GetLinkStatus":
                same((answer["name"], answer["state"]), ("linkStatus", "STATE_CONNECTED"))
            elif method == "GetAgreement":
                same(answer["name"], "agreement")
            elif method == "ListAdviceRequests":
                same([it["caseNumber"] for it in answer["adviceRequests"]], ["甲-R08-ADV-0001"])
            elif method == "ListItems":
                true(all(it["state"] in ("STATE_PUBLISHED", "STATE_RECALLED") for it in answer["items"]), method)
            else:
                same((method, len(answer["schemes"])), ("ListSchemes", 2))

    def test_the_last_line_says_that_all_is_well(self) -> None:
        true(self.sandbox.last.endswith(", receipts complete, journals verified on both sides"), self.sandbox.last)


def refused(call: Callable[[], object]) -> grpc.RpcError:
    try:
        answer = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"answered with {answer}")


def said(error: grpc.RpcError, code: grpc.StatusCode, reason: str) -> Details:
    """The details of an error, after those that every error has are found right."""
    found = details(error)
    same((error.code(), found.reason), (code, reason))
    true(any(ord(letter) > 0x3000 for letter in found.japanese), "a sentence in Japanese")
    return found


def same(found: object, expected: object) -> None:
    true(found == expected, f"expected {expected!r}, found {found!r}")


def true(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def checked(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception:  # Whatever it is, it failed this check and no other.
        traceback.print_exc(file=sys.stdout)
        print(f"FAILED {name}")
        return False
    print(f"ok     {name}")
    return True


def hangs(*_: object) -> None:
    raise TimeoutError(f"not done within {BOUND} s")


def main(buf: str) -> int:
    signal.signal(signal.SIGALRM, hangs)
    signal.alarm(BOUND)
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(folder)
        try:
            sandbox.listen()
            client = Client(sandbox, buf)
            tests = [name for name in dir(client) if name.startswith("test_")]
            done = [checked(name.removeprefix("test_"), getattr(client, name)) for name in tests]
            client.intake.close()
            done.append(checked("Ctrl-C ends the sandbox in order", lambda: same(sandbox.end(), 0)))
        finally:
            sandbox.kill()
    passed = sum(done)
    print(f"{passed} passed, {len(done) - passed} failed")
    return 0 if passed == len(done) else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.path.insert(0, sys.argv[1])
    from issue import issue_request
    from renkei.advice.v1 import advice_service_pb2_grpc
    from renkei.advice.v1.advice_service_pb2 import ListAdviceEntriesRequest, ListAdviceRequestsRequest
    from renkei.agreement.v1 import agreement_service_pb2_grpc
    from renkei.agreement.v1.agreement_service_pb2 import GetAgreementRequest
    from renkei.referral.v1 import referral_service_pb2_grpc, scheme_service_pb2_grpc
    from renkei.referral.v1.referral_service_pb2 import GetReferralRequest, ListReferralsRequest
    from renkei.referral.v1.scheme_service_pb2 import ListSchemesRequest
    from renkei.sharing.v1 import item_pb2, item_service_pb2_grpc
    from renkei.sharing.v1.item_service_pb2 import GetItemRequest, ListItemsRequest
    from renkei.type.v1 import agency_pb2
    from renkei.watch.v1 import watch_service_pb2_grpc
    from renkei.watch.v1.watch_service_pb2 import WatchRequest

    sys.exit(main(sys.argv[2]))
