// Requests that come in. What is wanted of one is one call out of WASM here: step by step from there, each question is a
// call, and each promise takes a dozen.

// What a request asks and says of itself, a line each: neither a method nor a URL nor a header has more than one.
export function asked(request) {
  const signature = request.headers.get("x-hub-signature-256") ?? "";
  return `${request.method}\n${request.url}\n${signature}`;
}

// The body, or nothing where it has more than `most` bytes.
//
// Where the sender says how long it is, and HTTP holds it to that, the body is taken whole, not part by part.
export async function read(request, most) {
  const announced = request.headers.get("content-length");
  if (announced === null) return streamed(request.body, most);
  if (announced > most) return undefined;
  const body = new Uint8Array(await request.arrayBuffer());
  return body.length > most ? undefined : body;
}

async function streamed(stream, most) {
  const parts = [];
  let length = 0;
  for await (const part of stream ?? []) {
    length += part.length;
    if (length > most) return undefined;
    parts.push(part);
  }
  const body = new Uint8Array(length);
  for (const part of parts.reverse()) body.set(part, (length -= part.length));
  return body;
}

// Reads the body and gives what `taken` makes of it and the rest. Whether one of `large` bytes or more bears the claimed
// signature is found out by the platform.
export async function take(request, most, large, secrets, claimed, taken, ...rest) {
  const body = await read(request, most);
  const signed = body?.length >= large && (await isSigned(body, secrets, claimed));
  return taken(body, signed, claimed, ...rest);
}

// Our secrets as keys of the platform, made once.
let keys;

async function isSigned(body, secrets, claimed) {
  keys ??= await Promise.all(secrets.map(imported));
  const digits = claimed.slice("sha256=".length).match(/../g);
  const signature = Uint8Array.from(digits, (two) => parseInt(two, 16));
  for (const key of keys) if (await crypto.subtle.verify("HMAC", key, signature, body)) return true;
  return false;
}

function imported(secret) {
  const bytes = new TextEncoder().encode(secret);
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

// What `answer` gives: called with nothing once `stored` is kept, or with the words of what went wrong: that it was not,
// or not within `most` milliseconds.
export async function inTime(stored, most, answer) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(fail, most, "the time was up");
  });
  try {
    await Promise.race([stored, late]);
  } catch (error) {
    return answer(String(error));
  } finally {
    clearTimeout(timer);
  }
  return answer();
}
