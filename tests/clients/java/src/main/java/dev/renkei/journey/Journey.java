package dev.renkei.journey;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.renkei.advice.v1.AcceptAdviceRequestRequest;
import dev.renkei.advice.v1.AdviceAskingServiceGrpc;
import dev.renkei.advice.v1.AdviceGivingServiceGrpc;
import dev.renkei.advice.v1.AdviceRequest;
import dev.renkei.advice.v1.AdviceServiceGrpc;
import dev.renkei.advice.v1.ListAdviceEntriesRequest;
import dev.renkei.advice.v1.ListAdviceRequestsRequest;
import dev.renkei.advice.v1.SupplementAdviceRequestRequest;
import dev.renkei.agreement.v1.AgreementServiceGrpc;
import dev.renkei.agreement.v1.GetAgreementRequest;
import dev.renkei.referral.v1.GetReferralRequest;
import dev.renkei.referral.v1.IssueReferralRequest;
import dev.renkei.referral.v1.IssueReferralResponse;
import dev.renkei.referral.v1.ListSchemesRequest;
import dev.renkei.referral.v1.ListSchemesResponse;
import dev.renkei.referral.v1.ReferralServiceGrpc;
import dev.renkei.referral.v1.Scheme;
import dev.renkei.referral.v1.SchemeServiceGrpc;
import dev.renkei.sharing.v1.GetItemRequest;
import dev.renkei.sharing.v1.ItemServiceGrpc;
import dev.renkei.sharing.v1.ListItemsRequest;
import dev.renkei.watch.v1.Event;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.stream.StreamSupport;

/**
 * Calls both services of a sandbox as an internal system in Java would.
 *
 * <p>The commands that build and run it are in docs/integrate.md; docs/clients.md has a second way to the stubs. Prints a
 * line for each step; the exit code is 1 if any has failed.
 */
final class Journey {
  private final JsonObject profile;
  private final JsonObject expected;

  private Journey(JsonObject profile, JsonObject expected) {
    this.profile = profile;
    this.expected = expected;
  }

  public static void main(String[] arguments) throws IOException {
    var journey = new Journey(json(arguments[0]), json(arguments[1]));
    System.exit(journey.run() ? 0 : 1);
  }

  private boolean run() {
    Map<String, Step> steps = new LinkedHashMap<>();
    steps.put("schemes", this::schemes);
    steps.put("referral", this::referral);
    steps.put("watch", this::watch);
    steps.put("restart", this::restart);
    steps.put("item", this::item);
    steps.put("paging", this::paging);
    steps.put("errors", this::errors);
    steps.put("retry_info", this::retryInfo);
    steps.put("message_limit", this::messageLimit);
    steps.put("deadline", this::deadline);
    steps.put("certificates", this::certificates);
    boolean all = true;
    for (String name : strings(expected.get("steps"))) {
      try {
        steps.get(name).run();
        System.out.println("ok " + name);
      } catch (Exception | AssertionError error) {
        all = false;
        error.printStackTrace();
        System.out.println("FAILED " + name + ": " + String.valueOf(error.getMessage()).lines().findFirst().orElse(""));
      }
    }
    return all;
  }

  private interface Step {
    void run() throws Exception;
  }

  private void schemes() throws IOException {
    try (Desk desk = desk("ppc", "intake")) {
      var found = listSchemes(desk, 0, "").getSchemesList().stream().map(Scheme::getName).sorted().toList();
      same(found, strings(expected.get("schemes")));
    }
  }

  private void referral() throws IOException {
    try (Desk desk = desk("ppc", "intake")) {
      IssueReferralRequest request = Requests.referral();
      IssueReferralResponse issued = issue(desk, request);
      same(issue(desk, request), issued);
      holds(!issued.getReferral().getCaseNumber().isEmpty(), "the referral has a case number");
      var other = request.toBuilder().setReport(Requests.report()).build();
      refused("request_id_reused", () -> issue(desk, other));
    }
  }

  /** A watch that was cut and goes on shows what one shows that was never cut. */
  private void watch() throws IOException {
    String start;
    AdviceRequest asked;
    List<Event> seen = new ArrayList<>();
    String cursor;
    try (Desk desk = desk("ppc", "casework")) {
      start = start(desk);
      Feed feed = new Feed(desk, start);
      asked = desk.call(AdviceAskingServiceGrpc::newBlockingStub).submitAdviceRequest(Requests.advice());
      feed.until(asked.getName(), "advice_requested");
      seen.addAll(feed.events);
      cursor = feed.cursor;
    }
    // The line is cut, and the other agency goes on.
    try (Desk desk = desk("ipa", "casework");
        Feed feed = new Feed(desk, "-")) {
      feed.until(asked.getName(), "advice_requested");
      var accept =
          AcceptAdviceRequestRequest.newBuilder()
              .setRequestId(Requests.id())
              .setName(asked.getName())
              .setPlannedOn(asked.getDue().getOn());
      desk.call(AdviceGivingServiceGrpc::newBlockingStub).acceptAdviceRequest(accept.build());
    }
    try (Desk desk = desk("ppc", "casework");
        Feed rest = new Feed(desk, cursor);
        Feed whole = new Feed(desk, start)) {
      rest.until(asked.getName(), "advice_accepted");
      whole.until(asked.getName(), "advice_accepted");
      seen.addAll(rest.events);
      same(seen, whole.events);
    }
  }

  /** A call with a fixed request id is repeated while the service restarts, and has one effect. */
  private void restart() throws Exception {
    try (Desk desk = desk("ppc", "casework");
        Feed before = new Feed(desk, start(desk))) {
      var ended = CompletableFuture.supplyAsync(before::end);
      List<String> command = new ArrayList<>(strings(profile.get("restart")));
      command.add("ppc");
      Process process = new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();

      var request = Requests.advice();
      Callable<AdviceRequest> submit =
          () -> desk.call(AdviceAskingServiceGrpc::newBlockingStub).submitAdviceRequest(request);
      AdviceRequest asked = answered(submit);
      while (process.isAlive()) {
        same(answered(submit), asked);
        Thread.sleep(100);
      }
      same(process.exitValue(), 0);
      same(answered(submit), asked);

      StatusRuntimeException end = ended.get();
      same(end.getStatus().getCode().name(), "UNAVAILABLE");
      String reason = Details.of(end).reason();
      holds(reason.equals("DRAINING") || reason.isEmpty(), "the watch has ended with " + reason);
      System.err.println("the watch ended: " + text(end));
      long times = before.count(asked.getName(), "advice_requested");
      try (Feed after = new Feed(desk, before.cursor)) {
        // A change of another matter, after which there is no more of this one.
        AdviceRequest last = desk.call(AdviceAskingServiceGrpc::newBlockingStub).submitAdviceRequest(Requests.advice());
        after.until(last.getName(), "advice_requested");
        same(times + after.count(asked.getName(), "advice_requested"), 1L);
      }
    }
  }

  private void item() throws IOException {
    try (Desk ipa = desk("ipa", "sharing");
        Desk ppc = desk("ppc", "sharing")) {
      var list = ListItemsRequest.newBuilder().setParent("agencies/ipa").build();
      String start = ppc.call(ItemServiceGrpc::newBlockingStub, "policy").listItems(list).getAsOf();
      String title = "改ざんの手口 " + Requests.id();
      var item = ipa.call(ItemServiceGrpc::newBlockingStub, "policy").publishItem(Requests.item(title));
      try (Feed feed = new Feed(ppc, start)) {
        feed.until(item.getName(), "threat_information_published");
      }
      var get = GetItemRequest.newBuilder().setName(item.getName()).build();
      var read = ppc.call(ItemServiceGrpc::newBlockingStub, "policy").getItem(get);
      same(read.getContent().getThreatInformation().getText().getTitle(), title);
    }
  }

  private void paging() throws IOException {
    try (Desk desk = desk("ppc", "intake")) {
      List<Scheme> paged = new ArrayList<>();
      String token = "";
      do {
        ListSchemesResponse page = listSchemes(desk, 1, token);
        same(page.getSchemesCount(), 1);
        paged.addAll(page.getSchemesList());
        token = page.getNextPageToken();
      } while (!token.isEmpty());
      same(paged, listSchemes(desk, 0, "").getSchemesList());
    }
  }

  private void errors() throws IOException {
    try (Desk intake = desk("ppc", "intake");
        Desk casework = desk("ppc", "casework");
        Desk reader = desk("ppc", "reader")) {
      var asking = Requests.advice();
      var asked = casework.call(AdviceAskingServiceGrpc::newBlockingStub).submitAdviceRequest(asking);
      var invalid = Requests.referral().toBuilder().setReport("no/report here");
      invalid.getScopeFactsBuilder().setKindValue(99);
      refused("invalid_field", () -> issue(intake, invalid.build()));
      var agreement = GetAgreementRequest.newBuilder().setName("agreement").build();
      refused(
          "no_official", () -> intake.callAsNobody(AgreementServiceGrpc::newBlockingStub).getAgreement(agreement));
      var entries = ListAdviceEntriesRequest.newBuilder().setParent(asked.getName()).build();
      refused("no_purpose", () -> casework.call(AdviceServiceGrpc::newBlockingStub).listAdviceEntries(entries));
      refused("broken_page_token", () -> listSchemes(intake, 1, "broken"));
      refused("no_role", () -> issue(reader, Requests.referral()));
      var nowhere = GetReferralRequest.newBuilder().setName("agencies/ppc/referrals/" + Requests.id()).build();
      refused("nothing_there", () -> intake.call(ReferralServiceGrpc::newBlockingStub).getReferral(nowhere));
      var reused = asking.toBuilder().setTitle("別の件名").build();
      refused(
          "request_id_reused",
          () -> casework.call(AdviceAskingServiceGrpc::newBlockingStub).submitAdviceRequest(reused));
      // The first supplement changes the version that was read.
      supplement(casework, asked, "始期の推定");
      refused("stale_etag", () -> supplement(casework, asked, "終期の推定"));
      refused("unknown_cursor", () -> first(new Feed(intake, "unknown")));
    }
  }

  /** Each watch begins at the beginning, so that its first change shows that it is open. */
  private void retryInfo() throws IOException {
    JsonObject limit = expected.getAsJsonObject("retry_info");
    List<Feed> feeds = new ArrayList<>();
    try (Desk desk = desk("ppc", "auditor")) {
      for (int watcher = 0; watcher < limit.get("watchers").getAsInt(); watcher++) {
        feeds.add(first(new Feed(desk, "-")));
      }
      StatusRuntimeException error = failed(() -> first(new Feed(desk, "-")));
      Details details = Details.of(error);
      same(error.getStatus().getCode().name(), limit.get("code").getAsString());
      same(details.reason(), limit.get("reason").getAsString());
      Duration delay = details.retryAfter();
      holds(delay != null && delay.compareTo(Duration.ZERO) > 0, "the refusal states when to come again: " + delay);
      feeds.forEach(Feed::close);
    }
  }

  private void messageLimit() throws IOException {
    JsonObject limit = expected.getAsJsonObject("message_limit");
    try (Desk desk = desk("ppc", "intake")) {
      var large = Requests.referral().toBuilder().setReport("a".repeat(limit.get("bytes").getAsInt())).build();
      StatusRuntimeException error = failed(() -> issue(desk, large));
      System.err.println("a large message: " + text(error));
      same(error.getStatus().getCode().name(), limit.get("code").getAsString());
    }
  }

  private void deadline() throws IOException {
    // Not the caller of the step before, whose watches may still be counted.
    try (Desk desk = desk("ppc", "reader");
        Feed feed = new Feed(desk, "", 1_000)) {
      String code = expected.getAsJsonObject("deadline").get("code").getAsString();
      same(feed.end().getStatus().getCode().name(), code);
    }
  }

  private void certificates() throws IOException {
    for (var row : expected.getAsJsonObject("certificates").entrySet()) {
      Path folder = Path.of(profile.get("wrong").getAsString(), row.getKey());
      try (Desk desk = new Desk(profile.getAsJsonObject("ppc"), folder)) {
        StatusRuntimeException error = failed(() -> listSchemes(desk, 0, ""));
        System.err.println("the certificate " + row.getKey() + ": " + text(error));
        same(error.getStatus().getCode().name(), row.getValue().getAsString());
      }
    }
  }

  private Desk desk(String agency, String caller) throws IOException {
    JsonObject service = profile.getAsJsonObject(agency);
    return new Desk(service, Path.of(service.get("callers").getAsString(), caller));
  }

  private static ListSchemesResponse listSchemes(Desk desk, int pageSize, String token) {
    var request = ListSchemesRequest.newBuilder().setParent("agencies/-").setPageSize(pageSize).setPageToken(token);
    return desk.call(SchemeServiceGrpc::newBlockingStub).listSchemes(request.build());
  }

  private static IssueReferralResponse issue(Desk desk, IssueReferralRequest request) {
    return desk.call(ReferralServiceGrpc::newBlockingStub).issueReferral(request);
  }

  private static AdviceRequest supplement(Desk desk, AdviceRequest asked, String question) {
    var request =
        SupplementAdviceRequestRequest.newBuilder()
            .setRequestId(Requests.id())
            .setName(asked.getName())
            .setEtag(asked.getEtag())
            .setSubmission(Requests.submission(question));
    return desk.call(AdviceAskingServiceGrpc::newBlockingStub).supplementAdviceRequest(request.build());
  }

  /** The place of the feed that a list reflects: a watch from there misses nothing that came after the list. */
  private static String start(Desk desk) {
    var request = ListAdviceRequestsRequest.getDefaultInstance();
    return desk.call(AdviceServiceGrpc::newBlockingStub).listAdviceRequests(request).getAsOf();
  }

  /** Waits for the first change or heartbeat, or for the refusal. */
  private static Feed first(Feed feed) {
    feed.read();
    return feed;
  }

  /** Repeats a call until it is answered. This is safe for reads, and for requests that keep their request id. */
  private static <T> T answered(Callable<T> call) throws Exception {
    Instant end = Instant.now().plusSeconds(20);
    while (true) {
      try {
        return call.call();
      } catch (StatusRuntimeException error) {
        if (!error.getStatus().getCode().name().equals("UNAVAILABLE") || Instant.now().isAfter(end)) {
          throw error;
        }
        System.err.println("not answered: " + text(error));
        Duration wait = Details.of(error).retryAfter();
        Thread.sleep(wait == null ? 200 : wait.toMillis());
      }
    }
  }

  /** Makes a call that is refused as a row of the expected errors states. */
  private void refused(String row, Callable<?> call) throws IOException {
    JsonObject expectedError = expected.getAsJsonObject("errors").getAsJsonObject(row);
    StatusRuntimeException error = failed(call);
    String code = error.getStatus().getCode().name();
    Details details = Details.of(error);
    same(row + " " + code, row + " " + expectedError.get("code").getAsString());
    same(row + " " + details.reason(), row + " " + expectedError.get("reason").getAsString());
    List<String> paths = details.fields().stream().map(Details.Field::path).toList();
    same(row + " " + paths, row + " " + strings(expectedError.get("fields")));
    var preconditions = code.equals("FAILED_PRECONDITION") ? List.of(details.reason()) : List.of();
    same(row + " " + details.preconditions(), row + " " + preconditions);
    holds(isJapanese(details.japanese()), row + " has a sentence in Japanese");
    for (Details.Field field : details.fields()) {
      holds(isJapanese(field.japanese()), row + " has a sentence for " + field.path());
    }
  }

  private static boolean isJapanese(String sentence) {
    return sentence.codePoints().anyMatch(it -> it > 0x3000);
  }

  private static StatusRuntimeException failed(Callable<?> call) {
    Object answer;
    try {
      answer = call.call();
    } catch (StatusRuntimeException error) {
      return error;
    } catch (Exception error) {
      throw new AssertionError(error);
    }
    throw new AssertionError("answered with " + answer);
  }

  /** The text of a status, and below it the causes in the stack. */
  private static String text(StatusRuntimeException error) {
    StringBuilder text = new StringBuilder(error.getMessage());
    for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
      text.append("\n  ").append(cause);
    }
    return text.toString();
  }

  private static void same(Object found, Object wanted) {
    holds(found.equals(wanted), "expected " + wanted + ", found " + found);
  }

  private static void holds(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  private static JsonObject json(String path) throws IOException {
    return JsonParser.parseString(Files.readString(Path.of(path))).getAsJsonObject();
  }

  private static List<String> strings(JsonElement array) {
    return StreamSupport.stream(array.getAsJsonArray().spliterator(), false).map(JsonElement::getAsString).toList();
  }
}
