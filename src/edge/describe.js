// `openapi.json` stands in the script, where scripts/build-wasm puts it: in WASM it would be an eightieth of it.

export function describe() {
  return Response.json(OPENAPI);
}
