using System;
using Google.Protobuf.WellKnownTypes;
using Renkei.Advice.V1;
using Renkei.Referral.V1;
using Renkei.Sharing.V1;
using Renkei.Type.V1;

namespace RenkeiClient
{
    /// <summary>Requests that are valid as they stand, each with a request id of its own.</summary>
    internal static class Requests
    {
        private static readonly Random Numbers = new Random();

        /// <summary>No statement may be of the future, and the clock of a sandbox is not that of this program.</summary>
        private static readonly Timestamp Before =
            new DateTime(2026, 11, 24, 0, 0, 0, DateTimeKind.Utc).ToTimestamp();

        public static string Id() => Guid.NewGuid().ToString();

        /// <summary>The number of a report: a report has one referral, so each has another number.</summary>
        public static string Report() => $"2026-{Numbers.Next(1_000_000):D6}";

        public static IssueReferralRequest Referral() => new IssueReferralRequest
        {
            RequestId = Id(),
            Report = Report(),
            ReportedUnder = "agencies/ppc/schemes/leak-report-private",
            Judgement = new Judgement
            {
                Finding = Finding.Applies,
                Ground = Ground.Traces,
                Certainty = Certainty.Confirmed,
                JudgedAt = Before,
            },
            ScopeFacts = new ScopeFacts
            {
                Electronic = true,
                PersonalInformation = true,
                Kind = IncidentKind.Access,
                Reporter = ReporterKind.Business,
            },
            Language = Language.Ja,
            WithCode = true,
        };

        public static SubmitAdviceRequestRequest Advice() => new SubmitAdviceRequestRequest
        {
            RequestId = Id(),
            Title = "改ざんされた決済画面",
            Purposes = { AdvicePurpose.RootCause },
            Urgency = Urgency.Normal,
            Submission = Submission("何を保全するか"),
        };

        public static Submission Submission(string question) => new Submission
        {
            Facts =
            {
                new Statement { Text = "決済画面が改ざんされた", Certainty = Certainty.Confirmed, AsOf = Before },
            },
            Questions = { question },
        };

        /// <summary>An item for the whole receiving party.</summary>
        public static PublishItemRequest Item(string title)
        {
            var text = new ItemText
            {
                Title = title,
                Body = "# 改ざんの手口",
                Language = Language.Ja,
                Certainty = Certainty.Estimated,
                AsOf = Before,
            };
            return new PublishItemRequest
            {
                RequestId = Id(),
                Terms = new ItemTerms { Scope = new Scope { Undesignated = new Undesignated() } },
                Content = new ItemContent { ThreatInformation = new ThreatInformation { Text = text } },
            };
        }
    }
}
