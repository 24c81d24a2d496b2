// Requests that leave. One call out of WASM is one request here: made there step by step, with its headers, its signal
// and the stream of its answer, it takes some forty.

// How long an answer that came by a courier waits for others, in milliseconds: to call an object costs more than the
// request that it makes.
const GATHER_MS = 2;

// How long a courier may take beyond what the answer may, in milliseconds.
const GRACE_MS = 5_000;

// How many requests share a time limit. A signal looks through all that it was given to whenever it is given to one more,
// those that have long ended among them.
const SHARE = 64;

// How much of the body of an answer is read, in bytes: `BODY_LIMIT` of delivery/answer.rs.
const MOST = 64 * 1024;

// A time limit, for all that is asked with it. A timer that is left to go off keeps an object awake, and that is paid for:
// the last that ends takes it back.
class Limit {
  constructor(timeout) {
    const controller = new AbortController();
    const over = () => controller.abort(new DOMException("the time was up", "TimeoutError"));
    this.signal = controller.signal;
    this.timer = setTimeout(over, timeout);
    this.out = 0;
  }

  begin() {
    this.out += 1;
  }

  end() {
    this.out -= 1;
    if (this.out === 0) clearTimeout(this.timer);
  }
}

// Posts a body and gives the status, `Retry-After` and the beginning of the body of the answer, up to a little more than
// `most` bytes; the status alone, where there is nothing else; or, where there is no answer within `limit`, the words of
// what went wrong.
async function ask(url, headers, body, limit, most = MOST) {
  limit.begin();
  try {
    const request = { method: "POST", headers: JSON.parse(headers), body, redirect: "manual", signal: limit.signal };
    const answer = await fetch(url, request);
    // The headers are an object to be made, and only of a refusal does it say anything.
    const retryAfter = answer.ok ? undefined : answer.headers.get("retry-after") || undefined;
    const beginning = answer.body ? await read(answer.body, most) : undefined;
    return (retryAfter ?? beginning) ? [answer.status, retryAfter, beginning] : answer.status;
  } catch (error) {
    return String(error);
  } finally {
    limit.end();
  }
}

async function read(body, most) {
  const parts = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part);
    length += part.length;
    if (length > most) break;
  }
  const all = new Uint8Array(length);
  for (const part of parts.reverse()) all.set(part, (length -= part.length));
  return all;
}

// Time limits that are shared by what leaves at about the same time: nobody has less time than was said, or more than a
// sixty-fourth beyond.
class Limits {
  constructor() {
    this.shared = new Map();
  }

  within(timeout) {
    const now = Date.now();
    let shared = this.shared.get(timeout);
    if (shared === undefined || now >= shared.until || shared.left === 0 || shared.limit.out === 0) {
      const beyond = timeout / 64;
      shared = { until: now + beyond, left: SHARE, limit: new Limit(timeout + beyond) };
      this.shared.set(timeout, shared);
    }
    shared.left -= 1;
    return shared.limit;
  }
}

// Posts a body, all within `timeout` milliseconds.
export function post(url, headers, body, timeout) {
  return ask(url, headers, body, new Limit(timeout));
}

// What a courier does: makes requests side by side, and gives their answers by their numbers. Some may be late: those
// that came by then are given to `tell`, and the last to the caller. While a deployment begins, who calls may be of the
// version before or after: what is handed over does not change.
export function carry(requests, timeout, most, tell) {
  const limit = new Limit(timeout);
  const answers = [];
  let left = requests.length;
  return new Promise((end) => {
    requests.forEach(async ([url, headers, body], number) => {
      answers.push([number, await ask(url, headers, body, limit, most)]);
      left -= 1;
      if (left === 0) end(answers);
      else if (answers.length === 1) setTimeout(() => left > 0 && tell(answers.splice(0)), GATHER_MS);
    });
  });
}

// Where the requests of one mailbox leave. `mailbox` is its name, `env` has the couriers, and `wake` is called when there
// are answers to deliveries.
export class Desk {
  constructor(mailbox, env, wake) {
    this.mailbox = mailbox;
    this.couriers = env.COURIER;
    this.wake = wake;
    this.bundles = new Map();
    this.answers = [];
    this.limits = new Limits();
  }

  // Posts a body like `post`, by a courier where one is named. Gives null where the courier is lost.
  post(...request) {
    return new Promise((note) => this.begin(note, ...request));
  }

  // The same for a delivery: its answer is kept, with its number, until `ended` is called.
  deliver(number, ...request) {
    const note = (answer) => {
      this.answers.push(number, answer);
      this.wake();
    };
    this.begin(note, ...request);
  }

  // Numbers and answers in turn: each thing that WASM looks at is a call.
  ended() {
    return this.answers.splice(0);
  }

  begin(note, courier, url, headers, body, timeout) {
    if (courier === undefined) {
      ask(url, headers, body, this.limits.within(timeout)).then(note);
      return;
    }
    const key = `${courier} ${timeout}`;
    let bundle = this.bundles.get(key);
    if (bundle === undefined) {
      bundle = { requests: [], notes: [] };
      this.bundles.set(key, bundle);
      // What is begun in one go leaves together.
      queueMicrotask(() => {
        this.bundles.delete(key);
        this.send(courier, bundle, timeout);
      });
    }
    bundle.requests.push([url, headers, body]);
    bundle.notes.push(note);
  }

  async send(courier, { requests, notes }, timeout) {
    const tell = (number, answer) => {
      notes[number]?.(answer);
      notes[number] = undefined;
    };
    const tellAll = (answers) => answers.forEach((answer) => tell(...answer));
    const over = (answer) => requests.forEach((_, number) => tell(number, answer));
    const late = setTimeout(() => over(null), timeout + GRACE_MS);
    try {
      const stub = this.couriers.getByName(`${this.mailbox}/${courier}`);
      tellAll(await stub.carry(requests, timeout, MOST, requests.length > 1 ? tellAll : null));
    } catch (error) {
      // Where the platform did not let the call out, nothing has left. Else it may have.
      const words = String(error);
      over(words.includes("Too many subrequests") ? words : null);
    }
    // Should an answer be missing, it is told that there is none.
    if (!notes.some((note) => note)) clearTimeout(late);
  }
}
