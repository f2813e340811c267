// Starts, answers and reverses a cancellation by the HTTP API, and verifies a webhook: .NET 8, .NET Framework 4.7 or Mono 6, and no package.
//
//   dotnet run -- start   SUBSCRIPTION KEY
//   dotnet run -- answer  SUBSCRIPTION KEY <answers     QUESTION=ANSWER, one a line
//   dotnet run -- reverse SUBSCRIPTION KEY <identity    billing_administrator=…, organization_url=…, organization_name=…, one a line
//   dotnet run -- verify  ID TIMESTAMP SIGNATURES <body
//
// OFFRAMP_URL, OFFRAMP_TOKEN; OFFRAMP_WEBHOOK_SECRET for `verify`. KEY names the request: the same one again is no other request.
// Who the customer is stands in no arguments, which everybody on the machine sees.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using System.Xml;

static class Offramp
{
    const int Attempts = 6;
    const int ToleranceSeconds = 300;
    const int ShortestKey = 24;
    const string Usage = "offramp start | answer | reverse | verify";
    static readonly int[] Passing = { 429, 502, 503, 504 };
    static readonly Random Random = new Random();

    static int Main(string[] args)
    {
        if (args.Length < 3)
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }
        switch (args[0])
        {
            case "start":
                return Send(args[1], "cancellations", args[2], new Dictionary<string, Dictionary<string, string>>());
            case "answer":
                return Send(args[1], "cancellations/newest/answers", args[2], Message("answers"));
            case "reverse":
                return Send(args[1], "cancellations/newest/reversals", args[2], Message("identity"));
            case "verify":
                using (var body = new MemoryStream())
                {
                    Console.OpenStandardInput().CopyTo(body);
                    return Verify(args[1], args[2], args[3], body.ToArray());
                }
            default:
                Console.Error.WriteLine(Usage);
                return 2;
        }
    }

    // A message that has, under a name, what is read.
    static Dictionary<string, Dictionary<string, string>> Message(string name)
    {
        using (var read = new StreamReader(Console.OpenStandardInput(), Encoding.UTF8))
        {
            var pairs = read.ReadToEnd().Split('\n').Select(line => line.Split(new[] { '=' }, 2)).Where(pair => pair.Length == 2);
            var content = pairs.ToDictionary(pair => pair[0], pair => pair[1]);
            return new Dictionary<string, Dictionary<string, string>> { { name, content } };
        }
    }

    static int Send(string subscription, string path, string key, Dictionary<string, Dictionary<string, string>> message)
    {
        // No other text is an id, or leads to another address, as ".." would, or "x/../../holds?".
        if (!Regex.IsMatch(subscription, @"\A[A-Za-z0-9][A-Za-z0-9._-]*\z"))
        {
            Console.Error.WriteLine("no id of a subscription");
            return 1;
        }
        return SendUntilAnswered(subscription + "/" + path, key, message).GetAwaiter().GetResult();
    }

    // Prints the answer to a request, which is sent again under its key where the way was interrupted or the service was busy.
    static async Task<int> SendUntilAnswered(string path, string key, Dictionary<string, Dictionary<string, string>> message)
    {
        using (var client = new HttpClient { Timeout = TimeSpan.FromSeconds(100) })
        {
            for (var attempt = 1; ; attempt++)
            {
                var pause = TimeSpan.FromMilliseconds(100 * (1 << attempt) + Random.Next(200));
                try
                {
                    using (var request = Request(path, key, message))
                    using (var answer = await client.SendAsync(request))
                    {
                        var text = await answer.Content.ReadAsStringAsync();
                        if (answer.IsSuccessStatusCode)
                        {
                            Console.WriteLine(text);
                            return 0;
                        }
                        if (!Passing.Contains((int)answer.StatusCode) || attempt == Attempts)
                        {
                            Console.Error.WriteLine(text);
                            return 1;
                        }
                        pause += Asked(answer);
                    }
                }
                catch (Exception error) when ((error is HttpRequestException || error is TaskCanceledException) && attempt < Attempts)
                {
                }
                await Task.Delay(pause);
            }
        }
    }

    // The pause that a busy service asks for.
    static TimeSpan Asked(HttpResponseMessage answer)
    {
        var seconds = answer.Headers.TryGetValues("Retry-After", out var given) ? given.First() : "";
        return TimeSpan.FromSeconds(IsNumber(seconds, 2) ? int.Parse(seconds) : 0);
    }

    static HttpRequestMessage Request(string path, string key, Dictionary<string, Dictionary<string, string>> message)
    {
        var url = Environment.GetEnvironmentVariable("OFFRAMP_URL") + "/v1/subscriptions/" + path;
        var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Content = new StringContent(Json(message), Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("Authorization", "Bearer " + Environment.GetEnvironmentVariable("OFFRAMP_TOKEN"));
        request.Headers.Add("Idempotency-Key", key);
        return request;
    }

    static string Json(object message)
    {
        var settings = new DataContractJsonSerializerSettings { UseSimpleDictionaryFormat = true };
        using (var written = new MemoryStream())
        {
            new DataContractJsonSerializer(message.GetType(), settings).WriteObject(written, message);
            return Encoding.UTF8.GetString(written.ToArray());
        }
    }

    // True for a number of at most so many digits: what the other side sends may be anything.
    static bool IsNumber(string text, int most)
    {
        return text.Length > 0 && text.Length <= most && text.All(each => each >= '0' && each <= '9');
    }

    // The key of the webhooks; empty where the secret is missing or malformed.
    static byte[] WebhookKey()
    {
        var secret = Environment.GetEnvironmentVariable("OFFRAMP_WEBHOOK_SECRET") ?? "";
        try
        {
            return Convert.FromBase64String(secret.StartsWith("whsec_") ? secret.Substring("whsec_".Length) : secret);
        }
        catch (FormatException)
        {
            return new byte[0];
        }
    }

    // Prints the event of a webhook that the service has sent now.
    static int Verify(string id, string timestamp, string signatures, byte[] body)
    {
        var key = WebhookKey();
        if (key.Length < ShortestKey)
        {
            // Anybody could sign with a key that was left empty.
            Console.Error.WriteLine("OFFRAMP_WEBHOOK_SECRET is no secret of webhooks: whsec_ and 24 to 64 bytes in base64");
            return 1;
        }
        var content = Encoding.UTF8.GetBytes(id + "." + timestamp + ".").Concat(body).ToArray();
        string expected;
        using (var signer = new HMACSHA256(key))
        {
            expected = "v1," + Convert.ToBase64String(signer.ComputeHash(content));
        }
        var isSigned = signatures.Split(' ').Count(signature => AreEqual(signature, expected)) > 0;
        var isNow = IsNumber(timestamp, 12) && Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(timestamp)) <= ToleranceSeconds;
        if (!isSigned || !isNow)
        {
            Console.Error.WriteLine("not sent by the service, or not now");
            return 1;
        }
        var read = new XmlDocument();
        using (var reader = JsonReaderWriterFactory.CreateJsonReader(body, XmlDictionaryReaderQuotas.Max))
        {
            read.Load(reader);
        }
        Console.WriteLine(read.DocumentElement["type"].InnerText);
        return 0;
    }

    // In a time that does not tell where they differ; .NET 8 has CryptographicOperations.FixedTimeEquals for it.
    static bool AreEqual(string one, string other)
    {
        var differences = one.Length ^ other.Length;
        for (var place = 0; place < Math.Min(one.Length, other.Length); place++)
        {
            differences |= one[place] ^ other[place];
        }
        return differences == 0;
    }
}
