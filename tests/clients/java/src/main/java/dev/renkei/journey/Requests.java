package dev.renkei.journey;

import com.google.protobuf.Timestamp;
import dev.renkei.advice.v1.AdvicePurpose;
import dev.renkei.advice.v1.Submission;
import dev.renkei.advice.v1.SubmitAdviceRequestRequest;
import dev.renkei.advice.v1.Urgency;
import dev.renkei.referral.v1.IssueReferralRequest;
import dev.renkei.referral.v1.ScopeFacts;
import dev.renkei.sharing.v1.ItemContent;
import dev.renkei.sharing.v1.ItemTerms;
import dev.renkei.sharing.v1.ItemText;
import dev.renkei.sharing.v1.PublishItemRequest;
import dev.renkei.sharing.v1.ThreatInformation;
import dev.renkei.type.v1.Certainty;
import dev.renkei.type.v1.Finding;
import dev.renkei.type.v1.Ground;
import dev.renkei.type.v1.IncidentKind;
import dev.renkei.type.v1.Judgement;
import dev.renkei.type.v1.Language;
import dev.renkei.type.v1.ReporterKind;
import dev.renkei.type.v1.Scope;
import dev.renkei.type.v1.Statement;
import dev.renkei.type.v1.Undesignated;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;

/** Requests that are valid as they stand, each with a request id of its own. */
final class Requests {
  /** No statement may be of the future, and the clock of a sandbox is not that of this program. */
  private static final Timestamp BEFORE =
      Timestamp.newBuilder().setSeconds(Instant.parse("2026-11-24T00:00:00Z").getEpochSecond()).build();

  private Requests() {}

  static String id() {
    return UUID.randomUUID().toString();
  }

  /** The number of a report: a report has one referral, so each has another number. */
  static String report() {
    return "2026-%06d".formatted(ThreadLocalRandom.current().nextInt(1_000_000));
  }

  static IssueReferralRequest referral() {
    return IssueReferralRequest.newBuilder()
        .setRequestId(id())
        .setReport(report())
        .setReportedUnder("agencies/ppc/schemes/leak-report-private")
        .setJudgement(
            Judgement.newBuilder()
                .setFinding(Finding.FINDING_APPLIES)
                .setGround(Ground.GROUND_TRACES)
                .setCertainty(Certainty.CERTAINTY_CONFIRMED)
                .setJudgedAt(BEFORE))
        .setScopeFacts(
            ScopeFacts.newBuilder()
                .setElectronic(true)
                .setPersonalInformation(true)
                .setKind(IncidentKind.INCIDENT_KIND_ACCESS)
                .setReporter(ReporterKind.REPORTER_KIND_BUSINESS))
        .setLanguage(Language.LANGUAGE_JA)
        .setWithCode(true)
        .build();
  }

  static SubmitAdviceRequestRequest advice() {
    return SubmitAdviceRequestRequest.newBuilder()
        .setRequestId(id())
        .setTitle("改ざんされた決済画面")
        .addPurposes(AdvicePurpose.ADVICE_PURPOSE_ROOT_CAUSE)
        .setUrgency(Urgency.URGENCY_NORMAL)
        .setSubmission(submission("何を保全するか"))
        .build();
  }

  static Submission submission(String question) {
    return Submission.newBuilder()
        .addFacts(
            Statement.newBuilder()
                .setText("決済画面が改ざんされた")
                .setCertainty(Certainty.CERTAINTY_CONFIRMED)
                .setAsOf(BEFORE))
        .addQuestions(question)
        .build();
  }

  /** An item for the whole receiving party. */
  static PublishItemRequest item(String title) {
    var scope = Scope.newBuilder().setUndesignated(Undesignated.getDefaultInstance());
    var text =
        ItemText.newBuilder()
            .setTitle(title)
            .setBody("# 改ざんの手口")
            .setLanguage(Language.LANGUAGE_JA)
            .setCertainty(Certainty.CERTAINTY_ESTIMATED)
            .setAsOf(BEFORE);
    return PublishItemRequest.newBuilder()
        .setRequestId(id())
        .setTerms(ItemTerms.newBuilder().setScope(scope))
        .setContent(ItemContent.newBuilder().setThreatInformation(ThreatInformation.newBuilder().setText(text)))
        .build();
  }
}
