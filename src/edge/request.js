// Requests that come in. One call out of WASM gives what is wanted of a request. Asked from WASM, each question would
// be a call, and each promise a dozen.

// The body, or nothing where it has more than `most` bytes.
//
// If the sender announces the length, to which HTTP holds it, the body is read whole and not part by part.
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

// What `answer` gives. It is called with nothing once `stored` has resolved, or with what went wrong: `stored` failed,
// or took longer than `most` milliseconds.
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
