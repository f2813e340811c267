// Starts, answers and reverses a cancellation by the HTTP API, and verifies a webhook: Java 17 or newer, and no library.
//
//   java Offramp.java start   SUBSCRIPTION KEY
//   java Offramp.java answer  SUBSCRIPTION KEY <answers     QUESTION=ANSWER, one a line
//   java Offramp.java reverse SUBSCRIPTION KEY <identity    billing_administrator=…, organization_url=…, organization_name=…, one a line
//   java Offramp.java verify  ID TIMESTAMP SIGNATURES <body
//
// OFFRAMP_URL, OFFRAMP_TOKEN; OFFRAMP_WEBHOOK_SECRET for `verify`. KEY names the request: the same one again is no other request.
// Who the customer is stands in no arguments, which everybody on the machine sees.

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

import static java.nio.charset.StandardCharsets.UTF_8;

public final class Offramp {
    private static final Set<Integer> PASSING = Set.of(429, 502, 503, 504);
    private static final int ATTEMPTS = 6;
    private static final long TOLERANCE_SECONDS = 300;
    private static final int SHORTEST_KEY = 24;
    private static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    /** Prints the answer to a command; exits with 1 and the problem (RFC 9457) where it is refused. */
    public static void main(String[] given) throws Exception {
        String command = given.length > 2 ? given[0] : "";
        HttpResponse<String> answer = switch (command) {
            case "start" -> send(given[1], "cancellations", given[2], "{}");
            case "answer" -> send(given[1], "cancellations/newest/answers", given[2], message("answers"));
            case "reverse" -> send(given[1], "cancellations/newest/reversals", given[2], message("identity"));
            case "verify" -> null;
            default -> {
                System.err.println("Offramp start | answer | reverse | verify");
                System.exit(2);
                yield null;
            }
        };
        if (answer == null) {
            verify(given[1], given[2], given[3], System.in.readAllBytes());
        } else if (answer.statusCode() / 100 == 2) {
            System.out.println(answer.body());
        } else {
            System.err.println(answer.body());
            System.exit(1);
        }
    }

    /** Sends a request, again under its key where the way was interrupted or the service was busy. */
    private static HttpResponse<String> send(String subscription, String path, String key, String body)
            throws IOException, InterruptedException {
        // No other text is an id, or leads to another address, as ".." would, or "x/../../holds?".
        if (!subscription.matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
            System.err.println("no id of a subscription");
            System.exit(1);
        }
        URI address = URI.create(System.getenv("OFFRAMP_URL") + "/v1/subscriptions/" + subscription + "/" + path);
        HttpRequest request = HttpRequest.newBuilder(address)
                .header("authorization", "Bearer " + System.getenv("OFFRAMP_TOKEN"))
                .header("content-type", "application/json")
                .header("idempotency-key", key)
                .timeout(Duration.ofSeconds(100))
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        for (int attempt = 1; ; attempt++) {
            long pause = (200L << attempt) + ThreadLocalRandom.current().nextLong(200);
            try {
                HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
                if (!PASSING.contains(answer.statusCode()) || attempt == ATTEMPTS) {
                    return answer;
                }
                pause += 1000 * answer.headers().firstValue("retry-after").filter(seconds -> isNumber(seconds, 2)).map(Long::parseLong).orElse(0L);
            } catch (IOException error) {
                if (attempt == ATTEMPTS) {
                    throw error;
                }
            }
            Thread.sleep(pause);
        }
    }

    /** True for a number of at most so many digits: what the other side sends may be anything. */
    private static boolean isNumber(String text, int most) {
        return text.length() <= most && text.matches("[0-9]+");
    }

    /** Returns the key of the webhooks; exits with 1 for an empty or short one, with which anybody could sign. */
    private static byte[] webhookKey() {
        String secret = Objects.requireNonNullElse(System.getenv("OFFRAMP_WEBHOOK_SECRET"), "");
        byte[] key;
        try {
            key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
        } catch (IllegalArgumentException error) {
            key = new byte[0];
        }
        if (key.length < SHORTEST_KEY) {
            System.err.println("OFFRAMP_WEBHOOK_SECRET is no secret of webhooks: whsec_ and 24 to 64 bytes in base64");
            System.exit(1);
        }
        return key;
    }

    /** Prints the event of a webhook that the service has sent now; exits with 1 for any other. */
    private static void verify(String id, String timestamp, String signatures, byte[] body) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(webhookKey(), "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(UTF_8));
        byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(UTF_8);
        boolean isSigned = Arrays.stream(signatures.split(" "))
                .anyMatch(signature -> MessageDigest.isEqual(signature.getBytes(UTF_8), expected));
        boolean isNow = isNumber(timestamp, 12) && Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) <= TOLERANCE_SECONDS;
        if (!isSigned || !isNow) {
            System.err.println("not sent by the service, or not now");
            System.exit(1);
        }
        var type = Pattern.compile("\"type\"\\s*:\\s*\"([^\"]+)\"").matcher(new String(body, UTF_8));
        System.out.println(type.find() ? type.group(1) : "");
    }

    /** Returns a message that has, under a name, what is read. */
    private static String message(String name) throws IOException {
        return new String(System.in.readAllBytes(), UTF_8).lines()
                .map(line -> line.split("=", 2))
                .filter(pair -> pair.length == 2)
                .map(pair -> json(pair[0]) + ": " + json(pair[1]))
                .collect(Collectors.joining(", ", "{" + json(name) + ": {", "}}"));
    }

    /** Returns text as JSON; the JDK has no library for it. */
    private static String json(String text) {
        return text.chars()
                .mapToObj(c -> c == '"' || c == '\\' ? "\\" + (char) c : c < ' ' ? "\\u%04x".formatted(c) : String.valueOf((char) c))
                .collect(Collectors.joining("", "\"", "\""));
    }
}
