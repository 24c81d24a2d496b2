// From a request to the body that Meta has signed. What is to be done with it is WASM's, which is called once, with the
// body: a webhook of 1 KB is so small that each crossing shows, and a future of Rust's costs more than all that is done
// with it.

import { read } from "./request.js";

// What `Signature::parse` takes. Whatever this lets by is checked there.
const SIGNATURE = /^sha256=[0-9a-fA-F]{64}$/;

// From how many bytes on the platform is faster, which has instructions for SHA-256, and takes a promise each time.
const LARGE = 4 * 1024;

// Answers a POST to where webhooks are taken: so many bytes at `most`, signed by one of `secrets`. `take` is called with
// the body, or nothing where it is too large; with whether the platform found it signed; and with the signature. It gives
// a `Response`, or the promise of one; or nothing, where it is not signed: then `unsigned` is what a `Response` is made of.
export function receive(request, taking, env, ctx) {
  // Meta's older `X-Hub-Signature` (SHA-1) is not looked at.
  const claimed = request.headers.get("x-hub-signature-256");
  if (!SIGNATURE.test(claimed)) return new Response(...taking.unsigned);
  return taken(request, claimed, taking, env, ctx);
}

async function taken(request, claimed, { most, secrets, take, unsigned }, env, ctx) {
  const body = await read(request, most);
  const signed = body?.length >= LARGE && (await isSigned(body, secrets, claimed));
  return take(body, signed, claimed, env, ctx) ?? new Response(...unsigned);
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
