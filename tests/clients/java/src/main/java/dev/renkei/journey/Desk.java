package dev.renkei.journey;

import com.google.gson.JsonObject;
import io.grpc.Channel;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** A connection to the desk of an agency, with the certificate of one of its systems. */
final class Desk implements AutoCloseable {
  private static final Metadata.Key<String> OFFICIAL =
      Metadata.Key.of("renkei-official", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> PURPOSE =
      Metadata.Key.of("renkei-purpose", Metadata.ASCII_STRING_MARSHALLER);

  private final ManagedChannel channel;

  /** Nothing is sent yet: the first call opens the connection, and a later one opens it again after it was lost. */
  Desk(JsonObject service, Path folder) throws IOException {
    var credentials =
        TlsChannelCredentials.newBuilder()
            .keyManager(folder.resolve("certificate.pem").toFile(), folder.resolve("key.pem").toFile())
            .trustManager(folder.resolve("roots.pem").toFile())
            .build();
    channel =
        Grpc.newChannelBuilder(service.get("address").getAsString(), credentials)
            .overrideAuthority(service.get("server_name").getAsString())
            // A watch is silent for long, and only a ping tells a silent service from a dead one.
            .keepAliveTime(20, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            .build();
  }

  /** A stub for one call on behalf of an official: its deadline counts from here. */
  <S extends AbstractStub<S>> S call(Function<Channel, S> service) {
    return call(service, "");
  }

  /** The same for a purpose, which reads of texts need; empty for none. */
  <S extends AbstractStub<S>> S call(Function<Channel, S> service, String purpose) {
    Metadata metadata = new Metadata();
    metadata.put(OFFICIAL, "tanaka");
    if (!purpose.isEmpty()) {
      metadata.put(PURPOSE, purpose);
    }
    return callAsNobody(service).withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
  }

  /** The same without an official. */
  <S extends AbstractStub<S>> S callAsNobody(Function<Channel, S> service) {
    return service.apply(channel).withDeadlineAfter(10, TimeUnit.SECONDS);
  }

  /** Cuts the connection under the calls that are open. */
  @Override
  public void close() {
    channel.shutdownNow();
  }
}
