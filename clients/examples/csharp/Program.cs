// Starts, answers and reverses a cancellation by the HTTP API, and verifies a webhook: .NET 8 or newer, and no package.
//
//   dotnet run -- start   SUBSCRIPTION KEY
//   dotnet run -- answer  SUBSCRIPTION KEY QUESTION=ANSWER…
//   dotnet run -- reverse SUBSCRIPTION KEY ADMINISTRATOR URL NAME
//   dotnet run -- verify  ID TIMESTAMP SIGNATURES <body
//
// OFFRAMP_URL, OFFRAMP_TOKEN; OFFRAMP_WEBHOOK_SECRET for `verify`. KEY names the request: the same one again is no other request.

using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

const int Attempts = 6;
const int ToleranceSeconds = 300;
int[] passing = [429, 502, 503, 504];

if (args.Length < 3)
{
    Console.Error.WriteLine("offramp start | answer | reverse | verify");
    return 2;
}
var cases = $"{Uri.EscapeDataString(args[1])}/cancellations";
switch (args[0])
{
    case "start":
        return await Send(cases, args[2], new { });
    case "answer":
        var answers = args.Skip(3).Select(each => each.Split('=', 2)).ToDictionary(each => each[0], each => each[1]);
        return await Send($"{cases}/newest/answers", args[2], new { answers });
    case "reverse":
        var identity = new { billing_administrator = args[3], organization_url = args[4], organization_name = args[5] };
        return await Send($"{cases}/newest/reversals", args[2], new { identity });
    case "verify":
        using (var body = new MemoryStream())
        {
            await Console.OpenStandardInput().CopyToAsync(body);
            return Verify(args[1], args[2], args[3], body.ToArray());
        }
    default:
        Console.Error.WriteLine("offramp start | answer | reverse | verify");
        return 2;
}

// Prints the answer to a request, which is sent again under its key where the way was interrupted or the service was busy.
async Task<int> Send(string path, string key, object message)
{
    using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(100) };
    for (var attempt = 1; ; attempt++)
    {
        var pause = TimeSpan.FromMilliseconds(100 * (1 << attempt) + Random.Shared.Next(200));
        using var request = new HttpRequestMessage(
            HttpMethod.Post, $"{Environment.GetEnvironmentVariable("OFFRAMP_URL")}/v1/subscriptions/{path}")
        {
            Content = JsonContent.Create(message),
        };
        request.Headers.Add("Authorization", $"Bearer {Environment.GetEnvironmentVariable("OFFRAMP_TOKEN")}");
        request.Headers.Add("Idempotency-Key", key);
        try
        {
            using var answer = await client.SendAsync(request);
            var text = await answer.Content.ReadAsStringAsync();
            if (answer.IsSuccessStatusCode)
            {
                Console.WriteLine(text);
                return 0;
            }
            if (!passing.Contains((int)answer.StatusCode) || attempt == Attempts)
            {
                Console.Error.WriteLine(text);
                return 1;
            }
            pause += answer.Headers.RetryAfter?.Delta ?? TimeSpan.Zero;
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException && attempt < Attempts)
        {
        }
        await Task.Delay(pause);
    }
}

// Prints the event of a webhook that the service has sent now.
int Verify(string id, string timestamp, string signatures, byte[] body)
{
    var secret = Environment.GetEnvironmentVariable("OFFRAMP_WEBHOOK_SECRET")!;
    var key = Convert.FromBase64String(secret.StartsWith("whsec_") ? secret["whsec_".Length..] : secret);
    byte[] content = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
    var expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(HMACSHA256.HashData(key, content)));
    var isSigned = signatures.Split(' ').Any(
        signature => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(signature), expected));
    var isNow = Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(timestamp)) <= ToleranceSeconds;
    if (!isSigned || !isNow)
    {
        Console.Error.WriteLine("not sent by the service, or not now");
        return 1;
    }
    Console.WriteLine(JsonDocument.Parse(body).RootElement.GetProperty("type").GetString());
    return 0;
}
