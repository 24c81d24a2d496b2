// From a request to the body that Meta has signed. The rest is done in WASM, which is called once, with the body: for a
// webhook of 1 KB each call into WASM shows, and a future of Rust's costs more than all the rest.

import { seldom } from "./log.js";
import { read } from "./request.js";

// What `Signature::parse` takes. It checks whatever passes here.
const SIGNATURE = /^sha256=[0-9a-fA-F]{64}$/;

// From how many bytes on the platform's own HMAC is faster. It uses the processor's SHA-256, but takes a promise each
// time.
const LARGE = 4 * 1024;

// Answers a POST to the webhook route: `most` bytes at most, signed by one of `secrets`. `take` is called with the body
// (nothing if it is too large), whether the platform found it signed, and the signature. It gives a `Response` or the
// promise of one; or nothing if the body is not signed: then `unsigned` is what the `Response` is made of.
export function receive(request, taking, env, ctx) {
  // Meta's older `X-Hub-Signature` (SHA-1) is not looked at.
  const claimed = request.headers.get("x-hub-signature-256");
  if (!SIGNATURE.test(claimed)) return refuse(claimed ? "its signature is malformed" : "it has no signature", taking);
  return taken(request, claimed, taking, env, ctx);
}

async function taken(request, claimed, taking, env, ctx) {
  const body = await read(request, taking.most);
  const signed = body?.length >= LARGE && (await isSigned(body, taking.secrets, claimed));
  return taking.take(body, signed, claimed, env, ctx) ?? refuse("its signature is not of META_APP_SECRET", taking);
}

// Whoever is refused is not told why. The log tells whoever runs Transom: Meta may sign with another secret.
function refuse(error, { unsigned }) {
  seldom("webhook.refused", error);
  return new Response(...unsigned);
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
