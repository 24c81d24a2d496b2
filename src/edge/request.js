// Requests that come in. What is wanted of one is one call out of WASM here: step by step from there, each question is a
// call, and each promise takes a dozen.

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
