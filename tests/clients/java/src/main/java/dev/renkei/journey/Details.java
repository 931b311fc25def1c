package dev.renkei.journey;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.LocalizedMessage;
import com.google.rpc.PreconditionFailure;
import com.google.rpc.RetryInfo;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What the status of a refused call tells beside its code. The class depends on nothing else here, so it can be copied.
 *
 * @param reason the stable reason, such as {@code ETAG_STALE}; empty if no service of this contract has answered
 * @param fields the wrong fields in order, each with the sentence to show beside it
 * @param preconditions the types of the preconditions that do not hold
 * @param japanese the sentence for officials; empty if there is none
 * @param retryAfter the time after which the call may succeed; null if none is stated
 */
public record Details(
    String reason, List<Field> fields, List<String> preconditions, String japanese, Duration retryAfter) {

  /** A wrong field: its path, and the sentence for officials. */
  public record Field(String path, String japanese) {}

  public static Details of(StatusRuntimeException error) throws InvalidProtocolBufferException {
    String reason = "";
    List<Field> fields = new ArrayList<>();
    List<String> preconditions = new ArrayList<>();
    String japanese = "";
    Duration retryAfter = null;
    for (Any any : StatusProto.fromThrowable(error).getDetailsList()) {
      if (any.is(ErrorInfo.class) && any.unpack(ErrorInfo.class).getDomain().equals("renkei")) {
        reason = any.unpack(ErrorInfo.class).getReason();
      } else if (any.is(BadRequest.class)) {
        for (var it : any.unpack(BadRequest.class).getFieldViolationsList()) {
          fields.add(new Field(it.getField(), it.getLocalizedMessage().getMessage()));
        }
      } else if (any.is(PreconditionFailure.class)) {
        any.unpack(PreconditionFailure.class).getViolationsList().forEach(it -> preconditions.add(it.getType()));
      } else if (any.is(LocalizedMessage.class) && any.unpack(LocalizedMessage.class).getLocale().equals("ja")) {
        japanese = any.unpack(LocalizedMessage.class).getMessage();
      } else if (any.is(RetryInfo.class)) {
        var delay = any.unpack(RetryInfo.class).getRetryDelay();
        retryAfter = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
      }
    }
    return new Details(reason, fields, preconditions, japanese, retryAfter);
  }
}
