// The least that any Worker does with what it does not want.

export default {
  fetch() {
    return new Response(null, { status: 401 });
  },
};
