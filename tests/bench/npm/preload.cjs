// Loaded into the npm gateway before its own code (node -r). It keeps its server on loopback, and
// gives it answers of fetch whose headers may be changed: release 1.15.2 fails with "TypeError:
// immutable" on both APIs without that.
const net = require('net');
const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (...a) {
  const where = typeof a[0] === 'object' ? a[0] : { port: Number(a[0]) };
  return listen.call(this, { ...where, host: '127.0.0.1', backlog: 4096 },
    a.find((x) => typeof x === 'function'));
};
const real = globalThis.fetch;
globalThis.fetch = async (...a) => {
  const r = await real(...a);
  return new Response(r.body,
    { status: r.status, statusText: r.statusText, headers: new Headers(r.headers) });
};
