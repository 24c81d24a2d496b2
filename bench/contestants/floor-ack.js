// The least that any Worker does with a webhook: reads it and answers 200.

export default {
  async fetch(request) {
    await request.arrayBuffer();
    return new Response();
  },
};
