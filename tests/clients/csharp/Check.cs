using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Grpc.Core;

namespace RenkeiClient
{
    /// <summary>The expectations of the steps.</summary>
    internal static class Check
    {
        public static void Holds(bool holds, string what)
        {
            if (!holds)
            {
                throw new InvalidOperationException(what);
            }
        }

        public static void Same<T>(T found, T wanted) =>
            Holds(Equals(found, wanted), $"expected {wanted}, found {found}");

        public static void Same<T>(IEnumerable<T> found, IEnumerable<T> wanted) =>
            Holds(found.SequenceEqual(wanted), $"expected {string.Join(", ", wanted)}, found {string.Join(", ", found)}");

        /// <summary>A string is no list of letters here.</summary>
        public static void Same(string? found, string? wanted) =>
            Holds(found == wanted, $"expected {wanted}, found {found}");

        /// <summary>The refusal of a call that must not succeed.</summary>
        public static async Task<RpcException> Failed<T>(Func<Task<T>> call)
        {
            T answer;
            try
            {
                answer = await call();
            }
            catch (RpcException error)
            {
                return error;
            }
            throw new InvalidOperationException($"answered with {answer}");
        }

        /// <summary>The name of a status as the contract writes it, such as NOT_FOUND.</summary>
        public static string Code(RpcException error) =>
            Regex.Replace(error.StatusCode.ToString(), "(?<=.)[A-Z]", "_$0").ToUpperInvariant();

        /// <summary>The text of a status, and below it the causes in the stack.</summary>
        public static string Text(RpcException error)
        {
            var text = new StringBuilder(error.Status.ToString());
            for (Exception? cause = error.Status.DebugException; cause != null; cause = cause.InnerException)
            {
                text.Append($"\n  {cause.GetType().Name}: {cause.Message}");
            }
            return text.ToString();
        }

        public static bool IsJapanese(string sentence) => sentence.Any(letter => letter > 0x3000);

        public static List<string> Strings(JsonElement element, string name) =>
            element.GetProperty(name).EnumerateArray().Select(it => it.GetString() ?? "").ToList();
    }
}
