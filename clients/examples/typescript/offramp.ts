// Starts, answers and reverses a cancellation by the HTTP API, and verifies a webhook: Node 20 or newer, and no package.
//
//   offramp start   SUBSCRIPTION KEY
//   offramp answer  SUBSCRIPTION KEY <answers     QUESTION=ANSWER, one a line
//   offramp reverse SUBSCRIPTION KEY <identity    billing_administrator=…, organization_url=…, organization_name=…, one a line
//   offramp verify  ID TIMESTAMP SIGNATURES <body
//
// OFFRAMP_URL, OFFRAMP_TOKEN; OFFRAMP_WEBHOOK_SECRET for `verify`. KEY names the request: the same one again is no other request.
// Who the customer is stands in no arguments, which everybody on the machine sees.

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const PASSING = [429, 502, 503, 504];
const ATTEMPTS = 6;
const TOLERANCE_SECONDS = 300;
const SHORTEST_KEY = 24;
/** What may be an id: no other text leads to another address, as ".." would, or "x/../../holds?". */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** The part of a problem (RFC 9457) that programs act on. */
interface Problem {
  code: string;
  title: string;
  values: Record<string, string>;
}

/** The part of a status that this example reads; docs/schemas has all of it. */
interface CancellationStatus {
  cancellation: string;
  stage: string;
  request_id: string;
  open_questions: string[];
}

class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.title}`);
    this.problem = problem;
  }
}

/** Sends a request, again under its key where the way was interrupted or the service was busy. */
async function send(subscription: string, path: string, key: string, body: unknown): Promise<CancellationStatus> {
  if (!ID.test(subscription)) throw new Error("no id of a subscription");
  for (let attempt = 1; ; attempt++) {
    let response: Response;
    try {
      response = await fetch(`${process.env.OFFRAMP_URL}/v1/subscriptions/${subscription}/${path}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${process.env.OFFRAMP_TOKEN}`,
          "content-type": "application/json",
          "idempotency-key": key,
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(100_000),
      });
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await pause(200 * 2 ** attempt * (0.5 + Math.random() / 2));
      continue;
    }
    if (response.ok) return (await response.json()) as CancellationStatus;
    if (!PASSING.includes(response.status) || attempt === ATTEMPTS) throw new Refused((await response.json()) as Problem);
    const seconds = response.headers.get("retry-after") ?? "";
    await pause(1000 * (isNumber(seconds, 2) ? Number(seconds) : 1) + 200 * Math.random());
  }
}

/** True for a number of at most so many digits: what the other side sends may be anything. */
function isNumber(text: string, most: number): boolean {
  return text.length <= most && /^[0-9]+$/.test(text);
}

/** The key of the webhooks. An empty or short one is an error, because anybody could sign with it; Buffer skips what is no base64. */
function webhookKey(): Buffer {
  const secret = (process.env.OFFRAMP_WEBHOOK_SECRET ?? "").replace(/^whsec_/, "");
  const key = Buffer.from(secret, "base64");
  if (!/^[A-Za-z0-9+/]+=*$/.test(secret) || key.length < SHORTEST_KEY) {
    throw new Error("OFFRAMP_WEBHOOK_SECRET is no secret of webhooks: whsec_ and 24 to 64 bytes in base64");
  }
  return key;
}

/** True if one of the signatures is by the secret, and the webhook was sent now. */
function isGenuine(id: string, timestamp: string, signatures: string, body: Buffer): boolean {
  if (!isNumber(timestamp, 12) || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const expected = createHmac("sha256", webhookKey()).update(`${id}.${timestamp}.`).update(body).digest();
  return signatures.split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return signature.startsWith("v1,") && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** What is read, NAME=VALUE on each line. */
function pairs(): Record<string, string> {
  const lines = readFileSync(0, "utf8").split("\n").filter((line) => line.includes("="));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

async function main([command, ...given]: string[]): Promise<number> {
  const [subscription = "", key = ""] = given;
  let status: CancellationStatus;
  switch (command) {
    case "start":
      status = await send(subscription, "cancellations", key, {});
      break;
    case "answer":
      status = await send(subscription, "cancellations/newest/answers", key, { answers: pairs() });
      break;
    case "reverse":
      status = await send(subscription, "cancellations/newest/reversals", key, { identity: pairs() });
      break;
    case "verify": {
      const body = readFileSync(0);
      if (!isGenuine(given[0]!, given[1]!, given[2]!, body)) {
        console.error("not sent by the service, or not now");
        return 1;
      }
      console.log((JSON.parse(body.toString()) as { type: string }).type);
      return 0;
    }
    default:
      console.error("offramp start | answer | reverse | verify");
      return 2;
  }
  console.log(JSON.stringify(status));
  return 0;
}

main(process.argv.slice(2)).then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
