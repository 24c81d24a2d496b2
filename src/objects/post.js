// Requests that leave. One call out of WASM is one request here: made there step by step, with its headers, its signal
// and the stream of its answer, it takes some forty.

// Posts a body and gives the status, `Retry-After` and the beginning of the body of the answer; or, where there is none
// within `timeout` milliseconds, the words of what went wrong.
export async function post(url, headers, body, timeout, most) {
  try {
    const signal = AbortSignal.timeout(timeout);
    const request = { method: "POST", headers: JSON.parse(headers), body, redirect: "manual", signal };
    const answer = await fetch(url, request);
    return [answer.status, answer.headers.get("retry-after"), await beginning(answer, most)];
  } catch (error) {
    return String(error);
  }
}

// The body, up to a little more than `most` bytes.
async function beginning({ body }, most) {
  const parts = [];
  let length = 0;
  if (body) {
    for await (const part of body) {
      parts.push(part);
      length += part.length;
      if (length > most) break;
    }
  }
  const all = new Uint8Array(length);
  for (const part of parts.reverse()) all.set(part, (length -= part.length));
  return all;
}
