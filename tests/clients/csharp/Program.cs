using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;

namespace RenkeiClient
{
    /// <summary>
    /// Calls both services of a sandbox as an internal system in C# would. The commands that build and run it are in
    /// docs/integrate.md. Prints a line for each step; the exit code is 1 if any has failed.
    /// </summary>
    internal static class Program
    {
        public static async Task<int> Main(string[] arguments)
        {
            JsonElement expected = Json(arguments[1]);
            var journey = new Journey(Json(arguments[0]), expected);
            var steps = new Dictionary<string, Func<Task>>
            {
                ["schemes"] = journey.Schemes,
                ["referral"] = journey.Referral,
                ["watch"] = journey.Watch,
                ["restart"] = journey.Restart,
                ["item"] = journey.Item,
                ["paging"] = journey.Paging,
                ["errors"] = journey.Errors,
                ["retry_info"] = journey.RetryInfo,
                ["message_limit"] = journey.MessageLimit,
                ["deadline"] = journey.Deadline,
                ["certificates"] = journey.Certificates,
            };
            bool all = true;
            foreach (string name in expected.GetProperty("steps").EnumerateArray().Select(it => it.GetString() ?? ""))
            {
                try
                {
                    await steps[name]();
                    Console.WriteLine($"ok {name}");
                }
                catch (Exception error)
                {
                    all = false;
                    Console.Error.WriteLine(error);
                    Console.WriteLine($"FAILED {name}: {error.Message.Split('\n')[0]}");
                }
            }
            return all ? 0 : 1;
        }

        private static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllText(path)).RootElement;
    }
}
