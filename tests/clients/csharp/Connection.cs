using System;
using System.IO;
using System.Net.Http;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace RenkeiClient
{
    /// <summary>How a connection is opened: to which address, with which certificate, and whom it trusts.</summary>
    internal static class Connection
    {
        /// <param name="address">The host and port that are dialled. The name in the service's certificate is another one.</param>
        /// <param name="folder">A caller's folder, with certificate, key and roots.</param>
        public static SocketsHttpHandler Handler(Uri address, string folder)
        {
            string certificate = Path.Combine(folder, "certificate.pem");
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(certificate);
            var identity = X509Certificate2.CreateFromPemFile(certificate, Path.Combine(folder, "key.pem"));
            var trust = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            trust.CustomTrustStore.ImportFromPemFile(Path.Combine(folder, "roots.pem"));
            return new SocketsHttpHandler
            {
                SslOptions = new SslClientAuthenticationOptions
                {
                    ClientCertificateContext = SslStreamCertificateContext.Create(identity, chain, offline: true),
                    CertificateChainPolicy = trust,
                },
                ConnectCallback = async (_, cancelled) =>
                {
                    var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                    try
                    {
                        await socket.ConnectAsync(address.Host, address.Port, cancelled);
                        return new NetworkStream(socket, ownsSocket: true);
                    }
                    catch
                    {
                        socket.Dispose();
                        throw;
                    }
                },
                // A watch is silent for long, and only a ping tells a silent service from a dead one.
                KeepAlivePingDelay = TimeSpan.FromSeconds(20),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            };
        }
    }
}
