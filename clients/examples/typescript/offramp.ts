// Starts, answers and reverses a cancellation by the HTTP API, and verifies a webhook: Node 20 or newer, and no package.
//
//   offramp start   SUBSCRIPTION KEY
//   offramp answer  SUBSCRIPTION KEY QUESTION=ANSWER…
//   offramp reverse SUBSCRIPTION KEY ADMINISTRATOR URL NAME
//   offramp verify  ID TIMESTAMP SIGNATURES <body
//
// OFFRAMP_URL, OFFRAMP_TOKEN; OFFRAMP_WEBHOOK_SECRET for `verify`. KEY names the request: the same one again is no other request.

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const PASSING = [429, 502, 503, 504];
const ATTEMPTS = 6;
const TOLERANCE_SECONDS = 300;

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
async function send(path: string, key: string, body: unknown): Promise<CancellationStatus> {
  for (let attempt = 1; ; attempt++) {
    let response: Response;
    try {
      response = await fetch(`${process.env.OFFRAMP_URL}/v1/subscriptions/${path}`, {
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

/** True if one of the signatures is by the secret, and the webhook was sent now. */
function isGenuine(id: string, timestamp: string, signatures: string, body: Buffer): boolean {
  if (!isNumber(timestamp, 12) || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const key = Buffer.from((process.env.OFFRAMP_WEBHOOK_SECRET ?? "").replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  return signatures.split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return signature.startsWith("v1,") && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

async function main([command, ...given]: string[]): Promise<number> {
  const [subscription, key, ...rest] = given;
  const cases = `${encodeURIComponent(subscription ?? "")}/cancellations`;
  let status: CancellationStatus;
  switch (command) {
    case "start":
      status = await send(cases, key!, {});
      break;
    case "answer": {
      const answers = Object.fromEntries(rest.map((each) => [each.split("=", 1)[0]!, each.slice(each.indexOf("=") + 1)]));
      status = await send(`${cases}/newest/answers`, key!, { answers });
      break;
    }
    case "reverse": {
      const [billing_administrator, organization_url, organization_name] = rest;
      const identity = { billing_administrator, organization_url, organization_name };
      status = await send(`${cases}/newest/reversals`, key!, { identity });
      break;
    }
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
