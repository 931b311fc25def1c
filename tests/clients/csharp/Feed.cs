using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Grpc.Core;
using Renkei.Watch.V1;

namespace RenkeiClient
{
    /// <summary>A watch of an agency's changes.</summary>
    internal sealed class Feed : IDisposable
    {
        private readonly AsyncServerStreamingCall<WatchResponse> call;

        /// <summary>A real system watches without a deadline; here nothing may hang.</summary>
        public Feed(Desk desk, string cursor, int seconds = 30)
        {
            Cursor = cursor;
            var request = new WatchRequest { Cursor = cursor };
            call = new WatchService.WatchServiceClient(desk.Calls).Watch(request, Desk.Official(seconds: seconds));
        }

        /// <summary>The changes so far, without the heartbeats.</summary>
        public List<Event> Events { get; } = new List<Event>();

        /// <summary>The place from which another watch continues.</summary>
        public string Cursor { get; private set; }

        /// <summary>Reads one change or heartbeat. Both carry the cursor.</summary>
        public async Task Read()
        {
            if (!await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                throw new InvalidOperationException("a watch ends with an error alone");
            }
            WatchResponse response = call.ResponseStream.Current;
            Cursor = response.Cursor;
            if (response.Event != null)
            {
                Events.Add(response.Event);
            }
        }

        /// <summary>Reads until a matter has an entry of this kind.</summary>
        public async Task Until(string matter, string factType)
        {
            while (Count(matter, factType) == 0)
            {
                await Read();
            }
        }

        public int Count(string matter, string factType) =>
            Events.Count(it => it.Matter == matter && it.EntryApplied?.FactType == factType);

        /// <summary>Reads to the end, which is an error.</summary>
        public async Task<RpcException> End()
        {
            try
            {
                while (true)
                {
                    await Read();
                }
            }
            catch (RpcException error)
            {
                return error;
            }
        }

        public void Dispose() => call.Dispose();
    }
}
