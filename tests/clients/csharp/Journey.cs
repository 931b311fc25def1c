using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Grpc.Core;
using Renkei.Advice.V1;
using Renkei.Agreement.V1;
using Renkei.Referral.V1;
using Renkei.Sharing.V1;
using Renkei.Watch.V1;
using static RenkeiClient.Check;

namespace RenkeiClient
{
    /// <summary>The steps that every client makes, whatever its language.</summary>
    internal sealed class Journey
    {
        private readonly JsonElement profile;
        private readonly JsonElement expected;

        public Journey(JsonElement profile, JsonElement expected)
        {
            this.profile = profile;
            this.expected = expected;
        }

        public async Task Schemes()
        {
            using Desk desk = Open("ppc", "intake");
            ListSchemesResponse found = await ListSchemes(desk, 0, "");
            Same(found.Schemes.Select(it => it.Name).OrderBy(it => it, StringComparer.Ordinal), Strings(expected, "schemes"));
        }

        public async Task Referral()
        {
            using Desk desk = Open("ppc", "intake");
            IssueReferralRequest request = Requests.Referral();
            IssueReferralResponse issued = await Issue(desk, request);
            Same(await Issue(desk, request), issued);
            Holds(issued.Referral.CaseNumber != "", "the referral has a case number");
            IssueReferralRequest other = request.Clone();
            other.Report = Requests.Report();
            await Refused("request_id_reused", () => Issue(desk, other));
        }

        /// <summary>A watch that was cut and goes on shows what one shows that was never cut.</summary>
        public async Task Watch()
        {
            string start, cursor;
            AdviceRequest asked;
            var seen = new List<Event>();
            using (Desk desk = Open("ppc", "casework"))
            {
                start = await Start(desk);
                var feed = new Feed(desk, start);
                asked = await Submit(desk, Requests.Advice());
                await feed.Until(asked.Name, "advice_requested");
                seen.AddRange(feed.Events);
                cursor = feed.Cursor;
            }
            // The line is cut, and the other agency goes on.
            using (Desk desk = Open("ipa", "casework"))
            using (var feed = new Feed(desk, "-"))
            {
                await feed.Until(asked.Name, "advice_requested");
                var accept = new AcceptAdviceRequestRequest
                {
                    RequestId = Requests.Id(), Name = asked.Name, PlannedOn = asked.Due.On,
                };
                var giving = new AdviceGivingService.AdviceGivingServiceClient(desk.Calls);
                await giving.AcceptAdviceRequestAsync(accept, Desk.Official());
            }
            using (Desk desk = Open("ppc", "casework"))
            using (var rest = new Feed(desk, cursor))
            using (var whole = new Feed(desk, start))
            {
                await rest.Until(asked.Name, "advice_accepted");
                await whole.Until(asked.Name, "advice_accepted");
                Same(seen.Concat(rest.Events), whole.Events);
            }
        }

        /// <summary>A call with a fixed request id is repeated while the service restarts, and has one effect.</summary>
        public async Task Restart()
        {
            using Desk desk = Open("ppc", "casework");
            using var before = new Feed(desk, await Start(desk));
            Task<RpcException> ended = before.End();
            List<string> command = Strings(profile, "restart");
            var start = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true };
            command.Skip(1).Append("ppc").ToList().ForEach(start.ArgumentList.Add);
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();

            SubmitAdviceRequestRequest request = Requests.Advice();
            AdviceRequest asked = await Answered(() => Submit(desk, request));
            while (!process.HasExited)
            {
                Same(await Answered(() => Submit(desk, request)), asked);
                await Task.Delay(100);
            }
            await output;
            Same(process.ExitCode, 0);
            Same(await Answered(() => Submit(desk, request)), asked);

            RpcException end = await ended;
            Console.Error.WriteLine($"the watch ended: {Text(end)}");
            Same(end.StatusCode, StatusCode.Unavailable);
            string reason = Details.Of(end).Reason;
            Holds(reason == "DRAINING" || reason == "", $"the watch has ended with {reason}");
            int times = before.Count(asked.Name, "advice_requested");
            using var after = new Feed(desk, before.Cursor);
            // A change of another matter, after which there is no more of this one.
            AdviceRequest last = await Submit(desk, Requests.Advice());
            await after.Until(last.Name, "advice_requested");
            Same(times + after.Count(asked.Name, "advice_requested"), 1);
        }

        public async Task Item()
        {
            using Desk ipa = Open("ipa", "sharing");
            using Desk ppc = Open("ppc", "sharing");
            var here = new ItemService.ItemServiceClient(ppc.Calls);
            var list = new ListItemsRequest { Parent = "agencies/ipa" };
            string start = (await here.ListItemsAsync(list, Desk.Official("policy"))).AsOf;
            string title = $"改ざんの手口 {Requests.Id()}";
            var there = new ItemService.ItemServiceClient(ipa.Calls);
            Item item = await there.PublishItemAsync(Requests.Item(title), Desk.Official("policy"));
            using (var feed = new Feed(ppc, start))
            {
                await feed.Until(item.Name, "threat_information_published");
            }
            Item read = await here.GetItemAsync(new GetItemRequest { Name = item.Name }, Desk.Official("policy"));
            Same(read.Content.ThreatInformation.Text.Title, title);
        }

        public async Task Paging()
        {
            using Desk desk = Open("ppc", "intake");
            var paged = new List<Scheme>();
            string token = "";
            do
            {
                ListSchemesResponse page = await ListSchemes(desk, 1, token);
                Same(page.Schemes.Count, 1);
                paged.AddRange(page.Schemes);
                token = page.NextPageToken;
            }
            while (token != "");
            Same(paged, (await ListSchemes(desk, 0, "")).Schemes);
        }

        public async Task Errors()
        {
            using Desk intake = Open("ppc", "intake");
            using Desk casework = Open("ppc", "casework");
            using Desk reader = Open("ppc", "reader");
            SubmitAdviceRequestRequest asking = Requests.Advice();
            AdviceRequest asked = await Submit(casework, asking);
            IssueReferralRequest invalid = Requests.Referral();
            invalid.Report = "no/report here";
            invalid.ScopeFacts.Kind = (Renkei.Type.V1.IncidentKind)99;
            await Refused("invalid_field", () => Issue(intake, invalid));
            var agreement = new AgreementService.AgreementServiceClient(intake.Calls);
            var get = new GetAgreementRequest { Name = "agreement" };
            await Refused("no_official", async () => await agreement.GetAgreementAsync(get, Desk.Nobody()));
            var advice = new AdviceService.AdviceServiceClient(casework.Calls);
            var entries = new ListAdviceEntriesRequest { Parent = asked.Name };
            await Refused("no_purpose", async () => await advice.ListAdviceEntriesAsync(entries, Desk.Official()));
            await Refused("broken_page_token", () => ListSchemes(intake, 1, "broken"));
            await Refused("no_role", () => Issue(reader, Requests.Referral()));
            var referrals = new ReferralService.ReferralServiceClient(intake.Calls);
            var nowhere = new GetReferralRequest { Name = $"agencies/ppc/referrals/{Requests.Id()}" };
            await Refused("nothing_there", async () => await referrals.GetReferralAsync(nowhere, Desk.Official()));
            SubmitAdviceRequestRequest reused = asking.Clone();
            reused.Title = "別の件名";
            await Refused("request_id_reused", () => Submit(casework, reused));
            // The first supplement changes the version that was read.
            await Supplement(casework, asked, "始期の推定");
            await Refused("stale_etag", () => Supplement(casework, asked, "終期の推定"));
            await Refused("unknown_cursor", () => First(new Feed(intake, "unknown")));
        }

        /// <summary>Each watch begins at the beginning, so that its first change shows that it is open.</summary>
        public async Task RetryInfo()
        {
            JsonElement limit = expected.GetProperty("retry_info");
            using Desk desk = Open("ppc", "auditor");
            for (int watcher = 0; watcher < limit.GetProperty("watchers").GetInt32(); watcher++)
            {
                await First(new Feed(desk, "-"));
            }
            RpcException error = await Failed(() => First(new Feed(desk, "-")));
            Details details = Details.Of(error);
            Same(Code(error), limit.GetProperty("code").GetString());
            Same(details.Reason, limit.GetProperty("reason").GetString());
            Holds(details.RetryAfter > TimeSpan.Zero, $"the refusal states when to come again: {details.RetryAfter}");
        }

        public async Task MessageLimit()
        {
            JsonElement limit = expected.GetProperty("message_limit");
            using Desk desk = Open("ppc", "intake");
            IssueReferralRequest large = Requests.Referral();
            large.Report = new string('a', limit.GetProperty("bytes").GetInt32());
            RpcException error = await Failed(() => Issue(desk, large));
            Console.Error.WriteLine($"a large message: {Text(error)}");
            Same(Code(error), limit.GetProperty("code").GetString());
        }

        public async Task Deadline()
        {
            // Not the caller of the step before, whose watches may still be counted.
            using Desk desk = Open("ppc", "reader");
            using var feed = new Feed(desk, "", seconds: 1);
            Same(Code(await feed.End()), expected.GetProperty("deadline").GetProperty("code").GetString());
        }

        public async Task Certificates()
        {
            foreach (JsonProperty row in expected.GetProperty("certificates").EnumerateObject())
            {
                string folder = Path.Combine(profile.GetProperty("wrong").GetString() ?? "", row.Name);
                using var desk = new Desk(profile.GetProperty("ppc"), folder);
                RpcException error = await Failed(() => ListSchemes(desk, 0, ""));
                Console.Error.WriteLine($"the certificate {row.Name}: {Text(error)}");
                Same(Code(error), row.Value.GetString());
            }
        }

        private Desk Open(string agency, string caller)
        {
            JsonElement service = profile.GetProperty(agency);
            return new Desk(service, Path.Combine(service.GetProperty("callers").GetString() ?? "", caller));
        }

        private static async Task<ListSchemesResponse> ListSchemes(Desk desk, uint pageSize, string token)
        {
            var request = new ListSchemesRequest { Parent = "agencies/-", PageSize = pageSize, PageToken = token };
            return await new SchemeService.SchemeServiceClient(desk.Calls).ListSchemesAsync(request, Desk.Official());
        }

        private static async Task<IssueReferralResponse> Issue(Desk desk, IssueReferralRequest request) =>
            await new ReferralService.ReferralServiceClient(desk.Calls).IssueReferralAsync(request, Desk.Official());

        private static async Task<AdviceRequest> Submit(Desk desk, SubmitAdviceRequestRequest request)
        {
            var asking = new AdviceAskingService.AdviceAskingServiceClient(desk.Calls);
            return await asking.SubmitAdviceRequestAsync(request, Desk.Official());
        }

        private static async Task<AdviceRequest> Supplement(Desk desk, AdviceRequest asked, string question)
        {
            var request = new SupplementAdviceRequestRequest
            {
                RequestId = Requests.Id(),
                Name = asked.Name,
                Etag = asked.Etag,
                Submission = Requests.Submission(question),
            };
            var asking = new AdviceAskingService.AdviceAskingServiceClient(desk.Calls);
            return await asking.SupplementAdviceRequestAsync(request, Desk.Official());
        }

        /// <summary>The place of the feed that a list reflects: a watch from there misses nothing that came after the
        /// list.</summary>
        private static async Task<string> Start(Desk desk)
        {
            var advice = new AdviceService.AdviceServiceClient(desk.Calls);
            return (await advice.ListAdviceRequestsAsync(new ListAdviceRequestsRequest(), Desk.Official())).AsOf;
        }

        /// <summary>Waits for the first change or heartbeat, or for the refusal.</summary>
        private static async Task<Feed> First(Feed feed)
        {
            await feed.Read();
            return feed;
        }

        /// <summary>Repeats a call until it is answered. This is safe for reads, and for requests that keep their request
        /// id.</summary>
        private static async Task<T> Answered<T>(Func<Task<T>> call)
        {
            DateTime end = DateTime.UtcNow.AddSeconds(20);
            while (true)
            {
                try
                {
                    return await call();
                }
                catch (RpcException error) when (error.StatusCode == StatusCode.Unavailable && DateTime.UtcNow < end)
                {
                    Console.Error.WriteLine($"not answered: {Text(error)}");
                    await Task.Delay(Details.Of(error).RetryAfter ?? TimeSpan.FromMilliseconds(200));
                }
            }
        }

        /// <summary>Makes a call that is refused as a row of the expected errors states.</summary>
        private async Task Refused<T>(string row, Func<Task<T>> call)
        {
            JsonElement wanted = expected.GetProperty("errors").GetProperty(row);
            RpcException error = await Failed(call);
            Details details = Details.Of(error);
            Same($"{row} {Code(error)}", $"{row} {wanted.GetProperty("code").GetString()}");
            Same($"{row} {details.Reason}", $"{row} {wanted.GetProperty("reason").GetString()}");
            Same(details.Fields.Select(it => it.Path), Strings(wanted, "fields"));
            bool isPrecondition = error.StatusCode == StatusCode.FailedPrecondition;
            Same(details.Preconditions, isPrecondition ? new[] { details.Reason } : new string[0]);
            Holds(IsJapanese(details.Japanese), $"{row} has a sentence in Japanese");
            foreach ((string path, string japanese) in details.Fields)
            {
                Holds(IsJapanese(japanese), $"{row} has a sentence for {path}");
            }
        }
    }
}
