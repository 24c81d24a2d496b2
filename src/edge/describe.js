// scripts/build-wasm puts `openapi.json` into the script. In the WASM it would be an eightieth of it.

export function describe() {
  return Response.json(OPENAPI);
}
