// Starts, answers and reverses a cancellation by the HTTP API, and verifies a webhook: .NET 8, .NET Framework 4.7 or Mono 6, and no package.
//
//   dotnet run -- start   SUBSCRIPTION KEY
//   dotnet run -- answer  SUBSCRIPTION KEY QUESTION=ANSWER…
//   dotnet run -- reverse SUBSCRIPTION KEY ADMINISTRATOR URL NAME
//   dotnet run -- verify  ID TIMESTAMP SIGNATURES <body
//
// OFFRAMP_URL, OFFRAMP_TOKEN; OFFRAMP_WEBHOOK_SECRET for `verify`. KEY names the request: the same one again is no other request.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Tasks;
using System.Xml;

static class Offramp
{
    const int Attempts = 6;
    const int ToleranceSeconds = 300;
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
        var cases = Uri.EscapeDataString(args[1]) + "/cancellations";
        switch (args[0])
        {
            case "start":
                return Send(cases, args[2], new Dictionary<string, Dictionary<string, string>>()).GetAwaiter().GetResult();
            case "answer":
                var answers = args.Skip(3).Select(each => each.Split(new[] { '=' }, 2)).ToDictionary(each => each[0], each => each[1]);
                return Send(cases + "/newest/answers", args[2], Message("answers", answers)).GetAwaiter().GetResult();
            case "reverse":
                var identity = new Dictionary<string, string>
                {
                    { "billing_administrator", args[3] },
                    { "organization_url", args[4] },
                    { "organization_name", args[5] },
                };
                return Send(cases + "/newest/reversals", args[2], Message("identity", identity)).GetAwaiter().GetResult();
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

    static Dictionary<string, Dictionary<string, string>> Message(string name, Dictionary<string, string> content)
    {
        return new Dictionary<string, Dictionary<string, string>> { { name, content } };
    }

    // Prints the answer to a request, which is sent again under its key where the way was interrupted or the service was busy.
    static async Task<int> Send(string path, string key, Dictionary<string, Dictionary<string, string>> message)
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

    // Prints the event of a webhook that the service has sent now.
    static int Verify(string id, string timestamp, string signatures, byte[] body)
    {
        var secret = Environment.GetEnvironmentVariable("OFFRAMP_WEBHOOK_SECRET");
        var key = Convert.FromBase64String(secret.StartsWith("whsec_") ? secret.Substring("whsec_".Length) : secret);
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
