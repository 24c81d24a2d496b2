// Requests that leave. One call out of WASM is one request here. Made from WASM step by step, with its headers, its
// signal and the stream of its answer, it would take some forty calls.

// How long an answer waits in a courier for others, in milliseconds: to call an object costs more than the request that
// it makes.
const GATHER_MS = 2;

// How long a courier may take beyond what the answer may, in milliseconds.
const GRACE_MS = 5_000;

// How many requests share a time limit. Each request that is given a signal makes the platform look through all that
// had it before, also those that have long ended.
const SHARE = 64;

// How much of the body of an answer is read, in bytes: `BODY_LIMIT` of delivery/answer.rs.
const MOST = 64 * 1024;

// A time limit that several requests share. The last request that ends takes the timer back: one that is left to go off
// keeps an object awake, which costs money.
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

// Posts a body. Gives the answer's status, `Retry-After` and the beginning of its body, up to a little more than `most`
// bytes; the status alone if there is nothing else; or, if there is no answer within `limit`, what went wrong as text.
async function ask(url, headers, body, limit, most = MOST) {
  limit.begin();
  try {
    const request = { method: "POST", headers: JSON.parse(headers), body, redirect: "manual", signal: limit.signal };
    const answer = await fetch(url, request);
    // Only a refusal's `Retry-After` means anything, and to look at the headers makes an object.
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

// Time limits that requests share which leave at about the same time. None has less time than `timeout`, or more than a
// sixty-fourth beyond it.
class Limits {
  constructor() {
    this.shared = new Map();
  }

  within(timeout) {
    const now = Date.now();
    let shared = this.shared.get(timeout);
    // A machine's clock may be set back.
    const isOver = !(now >= shared?.from && now < shared.until);
    if (isOver || shared.left === 0 || shared.limit.out === 0) {
      const beyond = timeout / 64;
      shared = { from: now, until: now + beyond, left: SHARE, limit: new Limit(timeout + beyond) };
      this.shared.set(timeout, shared);
    }
    shared.left -= 1;
    return shared.limit;
  }
}

// What a courier does: makes requests side by side, and gives their answers with their numbers. Not all wait for the
// last: `GATHER_MS` after the first, those that have come are given to `tell`, and so on. The caller gets the rest.
// While a deployment begins, the caller may be of the version before or after: so what is handed over must not change.
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

  // Posts a body, all within `timeout` milliseconds, by a courier if one is named. Gives null if the courier is lost.
  post(...request) {
    return new Promise((note) => this.begin(note, ...request));
  }

  // Posts a delivery: its answer is kept, with its ticket, until `ended` is called.
  deliver(ticket, ...request) {
    const note = (answer) => {
      this.answers.push(ticket, answer);
      this.wake();
    };
    this.begin(note, ...request);
  }

  // Numbers and answers in turn, in one flat list: each thing that WASM looks at is a call.
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
      // What is begun in the same task leaves together.
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
      // If the platform did not let the call out, nothing has left. Otherwise it may have.
      const words = String(error);
      over(/Too many (subrequests|API requests)/.test(words) ? words : null);
    }
    // If an answer is missing, the timer stays, and tells that there is none.
    if (!notes.some((note) => note)) clearTimeout(late);
  }
}
