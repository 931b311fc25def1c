using System;
using System.Collections.Generic;
using System.Linq;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace RenkeiClient
{
    /// <summary>What the status of a refused call tells beside its code. The class depends on nothing else here, so it can be
    /// copied.</summary>
    public sealed class Details
    {
        /// <summary>The stable reason, such as ETAG_STALE; empty if no service of this contract has answered.</summary>
        public string Reason { get; private set; } = "";

        /// <summary>The wrong fields in order, each with its path and with the sentence to show beside it.</summary>
        public List<(string Path, string Japanese)> Fields { get; } = new List<(string, string)>();

        /// <summary>The types of the preconditions that do not hold.</summary>
        public List<string> Preconditions { get; } = new List<string>();

        /// <summary>The sentence for officials; empty if there is none.</summary>
        public string Japanese { get; private set; } = "";

        /// <summary>The time after which the call may succeed; null if none is stated.</summary>
        public TimeSpan? RetryAfter { get; private set; }

        public static Details Of(RpcException error)
        {
            byte[] status = error.Trailers.GetValueBytes("grpc-status-details-bin") ?? Array.Empty<byte>();
            var details = new Details();
            foreach (Any any in Google.Rpc.Status.Parser.ParseFrom(status).Details)
            {
                details.Add(any);
            }
            return details;
        }

        private void Add(Any any)
        {
            if (any.TryUnpack(out ErrorInfo info) && info.Domain == "renkei")
            {
                Reason = info.Reason;
            }
            else if (any.TryUnpack(out BadRequest request))
            {
                Fields.AddRange(request.FieldViolations.Select(it => (it.Field, it.LocalizedMessage?.Message ?? "")));
            }
            else if (any.TryUnpack(out PreconditionFailure failure))
            {
                Preconditions.AddRange(failure.Violations.Select(it => it.Type));
            }
            else if (any.TryUnpack(out LocalizedMessage sentence) && sentence.Locale == "ja")
            {
                Japanese = sentence.Message;
            }
            else if (any.TryUnpack(out RetryInfo retry))
            {
                RetryAfter = retry.RetryDelay.ToTimeSpan();
            }
        }
    }
}
