package dev.renkei.journey;

import dev.renkei.watch.v1.Event;
import dev.renkei.watch.v1.WatchRequest;
import dev.renkei.watch.v1.WatchResponse;
import dev.renkei.watch.v1.WatchServiceGrpc;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A watch of an agency's changes. It is read by one thread. */
final class Feed implements AutoCloseable {
  /** The changes so far, without the heartbeats. */
  final List<Event> events = new ArrayList<>();

  /** The place from which another watch continues. */
  String cursor;

  /** An iterator of responses has no method that ends the call; to cancel its context does. */
  private final Context.CancellableContext context = Context.current().withCancellation();

  private final Iterator<WatchResponse> responses;

  /** A real system watches without a deadline; here nothing may hang. */
  Feed(Desk desk, String cursor) {
    this(desk, cursor, 30_000);
  }

  Feed(Desk desk, String cursor, long milliseconds) {
    this.cursor = cursor;
    var service = desk.call(WatchServiceGrpc::newBlockingStub).withDeadlineAfter(milliseconds, TimeUnit.MILLISECONDS);
    var request = WatchRequest.newBuilder().setCursor(cursor).build();
    Context before = context.attach();
    try {
      responses = service.watch(request);
    } finally {
      context.detach(before);
    }
  }

  /** Reads one change or heartbeat. Both carry the cursor. */
  void read() {
    WatchResponse response = responses.next();
    cursor = response.getCursor();
    if (response.hasEvent()) {
      events.add(response.getEvent());
    }
  }

  /** Reads until a matter has an entry of this kind. */
  void until(String matter, String factType) {
    while (count(matter, factType) == 0) {
      read();
    }
  }

  long count(String matter, String factType) {
    return events.stream()
        .filter(it -> it.getMatter().equals(matter) && it.getEntryApplied().getFactType().equals(factType))
        .count();
  }

  /** Reads to the end, which is an error: a watch has no other end. */
  StatusRuntimeException end() {
    try {
      while (true) {
        read();
      }
    } catch (StatusRuntimeException error) {
      return error;
    }
  }

  @Override
  public void close() {
    context.cancel(null);
  }
}
