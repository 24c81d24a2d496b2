// Meta's signature, checked as quickly as a Worker in JavaScript can: by the platform's own code, with a key that is
// imported once.

const secret = new Map();

function key(appSecret) {
  if (!secret.has(appSecret)) {
    const bytes = new TextEncoder().encode(appSecret);
    secret.set(
      appSecret,
      crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]),
    );
  }
  return secret.get(appSecret);
}

/** The signature that `X-Hub-Signature-256` claims, or nothing where it is malformed. */
export function claimed(header) {
  return /^sha256=[0-9a-f]{64}$/.test(header ?? "") ? Buffer.from(header.slice(7), "hex") : undefined;
}

export async function verify(appSecret, signature, body) {
  return crypto.subtle.verify("HMAC", await key(appSecret), signature, body);
}
