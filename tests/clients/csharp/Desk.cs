using System;
using System.Text.Json;
using Grpc.Core;
using Grpc.Net.Client;

namespace RenkeiClient
{
    /// <summary>A connection to the desk of an agency, with the certificate of one of its systems.</summary>
    internal sealed class Desk : IDisposable
    {
        private readonly GrpcChannel channel;

        /// <summary>Nothing is sent yet: the first call opens the connection, and a later one opens it again after it was
        /// lost.</summary>
        public Desk(JsonElement service, string folder)
        {
            var address = new Uri("https://" + service.GetProperty("address").GetString());
            // The service is known by the name in its certificate.
            var named = new UriBuilder(address) { Host = service.GetProperty("server_name").GetString() ?? "" };
            channel = GrpcChannel.ForAddress(named.Uri, new GrpcChannelOptions
            {
                HttpHandler = Connection.Handler(address, folder),
                DisposeHttpClient = true,
            });
        }

        /// <summary>Stubs are made with it, such as <c>new SchemeService.SchemeServiceClient(desk.Calls)</c>. Threads share
        /// it.</summary>
        public CallInvoker Calls => channel.CreateCallInvoker();

        /// <summary>The options of one call on behalf of an official: its deadline counts from here. Reads of texts need a
        /// purpose.</summary>
        public static CallOptions Official(string purpose = "", int seconds = 10)
        {
            var metadata = new Metadata { { "renkei-official", "tanaka" } };
            if (purpose != "")
            {
                metadata.Add("renkei-purpose", purpose);
            }
            return Nobody(seconds).WithHeaders(metadata);
        }

        /// <summary>The same without an official.</summary>
        public static CallOptions Nobody(int seconds = 10) =>
            new CallOptions(deadline: DateTime.UtcNow.AddSeconds(seconds));

        /// <summary>Cuts the connection under the calls that are open.</summary>
        public void Dispose() => channel.Dispose();
    }
}
