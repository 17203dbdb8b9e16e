/** What the fakes of the examples are made of: a small HTTP server on a free port of this machine. */
import { once } from 'node:events';
import { createServer } from 'node:http';

/** Answers `{url, close}`. A handler that throws breaks the connection, as a crashed program would. */
export async function listen(handle) {
  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
