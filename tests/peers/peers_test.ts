/** What another daemon is asked, and what of its answers gets through. */
import assert from "node:assert/strict";
import { formatFinding } from "../../src/config/findings.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { parsePeerAddress } from "../../src/net/peer_url.ts";
import { PeerError, peerLimitMs, peerLimitOctets, Peers } from "../../src/peers/peers.ts";
import { parsePeerTokens } from "../../src/peers/tokens.ts";
import { systemClock } from "../../src/clock.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { hasOpenssl, makePem } from "../pem.ts";
import { localToken, makeWorld } from "../routes/world.ts";

/** A peer, and what it was asked. */
class Peer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly asked: { readonly path: string; readonly headers: Record<string, string> }[] = [];
  answer: (request: Request) => Response | Promise<Response> = () => Response.json({ backends: [] });

  constructor(tls: { cert: string; key: string } | null = null) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {}, ...(tls ?? {}) },
      (request) => {
        const { pathname, search } = new URL(request.url);
        this.asked.push({ path: pathname + search, headers: Object.fromEntries(request.headers) });
        return this.answer(request);
      },
    );
  }

  get port(): number {
    return this.#server.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function peersOf(port: number, more: Partial<ConstructorParameters<typeof Peers>[0]> = {}): Peers {
  return new Peers({
    peers: [{ name: "lb2", url: `http://127.0.0.1:${port}/` }],
    tokens: new Map([["lb2", "token-of-lb2"]]),
    ca: null,
    clock: systemClock,
    ...more,
  });
}

const never = new AbortController().signal;

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PeerError) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "nothing was refused";
}

Deno.test("a peer gets its own token, never the caller's, and nothing else of the caller", async () => {
  await using peer = new Peer();
  using peers = peersOf(peer.port);
  const { ask } = makeWorld({ peers });
  const answer = await ask("/v1/peers/lb2/backends", {
    headers: { "x-maglev-actor": "alice", "x-forwarded-for": "1.2.3.4", cookie: "a=b", "last-event-id": "x" },
  });
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { backends: [] });
  const [request] = peer.asked;
  assert.ok(request);
  assert.equal(request.path, "/v1/backends");
  const { headers } = request;
  assert.equal(headers.authorization, "Bearer token-of-lb2");
  assert.deepEqual(Object.keys(headers).sort(), [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "host",
    "user-agent",
  ]);
  assert.doesNotMatch(JSON.stringify(headers), new RegExp(localToken));
});

Deno.test("only documented GETs go to a peer, with their own parameters", async () => {
  await using peer = new Peer();
  using peers = peersOf(peer.port);
  const { ask } = makeWorld({ peers });
  const status = async (path: string, method = "GET") => {
    const answer = await ask(path, { method });
    await answer.body?.cancel();
    return answer.status;
  };
  const through = "/v1/peers/lb2";
  assert.equal(await status(`${through}/frontends/www/table?buckets=true`), 200);
  assert.equal(await status(`${through}/backends/${encodeURIComponent("a/b")}`), 200);
  assert.deepEqual(peer.asked.map(({ path }) => path), [
    "/v1/frontends/www/table?buckets=true",
    "/v1/backends/a%2Fb",
  ]);
  peer.asked.length = 0;
  const wrong: [number, string, string?][] = [
    [404, `${through}/nonsense`],
    [404, `${through}/peers`],
    [404, `${through}/peers/lb3/backends`],
    [404, `${through}/../../metrics`],
    [404, `${through}/%2e%2e/%2e%2e/metrics`],
    [404, `${through}/..%2f..%2fmetrics`],
    [404, `${through}/.%2e/readyz`],
    [404, `${through}//backends`],
    [404, `${through}/%62ackends`],
    [404, `${through}/vpp/lb/sync`],
    [404, `${through}/config/reload`],
    [404, "/v1/peers/lb9/backends"],
    [404, "/v1/peers/lb2"],
    [422, `${through}/backends?x=y`],
    [405, `${through}/backends`, "POST"],
    [405, `${through}/backends`, "DELETE"],
  ];
  for (const [wanted, path, method] of wrong) {
    const got = await status(path, method);
    // A path that takes another method may be refused as either.
    assert.ok(got === wanted || wanted === 404 && got === 405, `${method ?? "GET"} ${path}: ${got}`);
  }
  assert.deepEqual(peer.asked, []);
});

Deno.test("redirects, other types, nonsense and refusals of the token are errors of this daemon", async () => {
  await using peer = new Peer();
  await using elsewhere = new Peer();
  using peers = peersOf(peer.port);
  const { ask } = makeWorld({ peers });
  const html = { headers: { "content-type": "text/html" } };
  const asJson = { headers: { "content-type": "application/json" } };
  const answers: [() => Response, RegExp][] = [
    [() => Response.redirect(`http://127.0.0.1:${elsewhere.port}/v1/backends`), /redirects are not followed/],
    [() => new Response("<html>", html), /text\/html, which is no JSON/],
    [() => new Response("{", asJson), /no JSON/],
    [() => Response.json([1]), /no object/],
    [() => Response.json("x"), /no object/],
    [() => new Response(null, { status: 204 }), /no JSON/],
    [() => Response.json({ secret: 1 }, { status: 500 }), /no problem of maglevd/],
    [() => Response.json({}, { status: 401 }), /does not take the token/],
    [() => Response.json({}, { status: 403 }), /does not take the token/],
  ];
  for (const [answer, detail] of answers) {
    peer.answer = answer;
    const got = await ask("/v1/peers/lb2/backends");
    const problem = await got.json();
    assert.equal(got.status, 502, String(detail));
    assert.match(problem.type, /peer-failed$/);
    assert.match(problem.detail, detail);
  }
  assert.deepEqual(elsewhere.asked, []);
  // What the API itself refuses gets through.
  peer.answer = () =>
    Response.json({ type: "urn:maglev:problem:not-found", status: 404, detail: "x" }, {
      status: 404,
      headers: { "content-type": "application/problem+json" },
    });
  assert.equal((await (await ask("/v1/peers/lb2/backends/b9")).json()).status, 404);
  assert.equal((await (await ask("/v1/peers/lb2/events")).json()).status, 404);
  peer.answer = () => new Response("data: x", html);
  assert.equal((await ask("/v1/peers/lb2/events")).status, 502);
  // No header of the peer's but the type.
  peer.answer = () => Response.json({ backends: [] }, { headers: { "set-cookie": "a=b", "x-secret": "1" } });
  const { headers } = await ask("/v1/peers/lb2/backends");
  assert.equal(headers.get("set-cookie"), null);
  assert.equal(headers.get("x-secret"), null);
});

Deno.test("an answer has 8 MiB at most, and 5 s", async () => {
  await using peer = new Peer();
  const clock = new FakeClock();
  using peers = peersOf(peer.port, { clock });
  peer.answer = () => {
    let left = peerLimitOctets + 1;
    const body = new ReadableStream({
      pull(controller) {
        const octets = Math.min(left, 65_536);
        left -= octets;
        controller.enqueue(new Uint8Array(octets).fill(32));
        if (left === 0) controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "application/json" } });
  };
  assert.match(await refusal(peers.read("lb2", "v1/backends", never)), /longer than 8 MiB/);

  const arrived = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<Response>();
  peer.answer = () => {
    arrived.resolve();
    return answered.promise;
  };
  const late = refusal(peers.read("lb2", "v1/backends", never));
  await arrived.promise;
  await clock.advance(peerLimitMs);
  assert.match(await late, /did not answer within 5 s/);
  answered.resolve(Response.json({}));
  assert.equal(clock.pending, 0);
});

Deno.test("four requests go to a peer at a time, the others wait for their turn, and at most 5 s", async () => {
  await using peer = new Peer();
  const clock = new FakeClock();
  using peers = peersOf(peer.port, { clock });
  const held: (() => void)[] = [];
  const fourth = Promise.withResolvers<void>();
  peer.answer = () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    held.push(() => resolve(Response.json({ n: held.length })));
    if (held.length === 4) fourth.resolve();
    return promise;
  };
  const first = Array.from({ length: 4 }, () => peers.read("lb2", "v1/backends", never));
  const fifth = peers.read("lb2", "v1/backends", never);
  await fourth.promise;
  await settle();
  assert.equal(peer.asked.length, 4);
  peer.answer = () => Response.json({ fifth: true });
  held[0]?.();
  assert.match((await fifth).text, /fifth/);
  // The place is free again: these four wait for nothing.
  held.slice(1).forEach((answer) => answer());
  await Promise.all(first);
  assert.match((await peers.read("lb2", "v1/backends", never)).text, /fifth/);
  assert.equal(clock.pending, 0);
});

Deno.test("events of a peer come through as they are, at most four streams; the end of either side ends both", async () => {
  await using peer = new Peer();
  using peers = peersOf(peer.port);
  const { ask } = makeWorld({ peers });
  const frames = "event: backend\nid: e-1\ndata: {}\n\n";
  let cancelled = Promise.withResolvers<void>();
  peer.answer = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(frames)),
        cancel: () => cancelled.resolve(),
      }),
      { headers: { "content-type": "text/event-stream" } },
    );
  const open = await Promise.all(
    Array.from({ length: 4 }, () => ask("/v1/peers/lb2/events", { headers: { "last-event-id": "e-0" } })),
  );
  assert.equal(peer.asked[0]?.headers["last-event-id"], "e-0");
  const readers = open.map(({ body }) => body?.getReader());
  assert.equal(new TextDecoder().decode((await readers[0]?.read())?.value), frames);
  const fifth = await ask("/v1/peers/lb2/events");
  assert.equal(fifth.status, 502);
  assert.match((await fifth.json()).detail, /4 streams of it are open already/);
  await readers[0]?.cancel();
  await cancelled.promise;
  cancelled = Promise.withResolvers();
  const again = await ask("/v1/peers/lb2/events");
  assert.equal(again.status, 200);
  await again.body?.cancel();
  for (const reader of readers.slice(1)) await reader?.cancel();
});

Deno.test("who is there: a peer that answers, one that is away, one that is something else", async () => {
  await using good = new Peer();
  good.answer = () => Response.json({ node: "lb2" });
  await using other = new Peer();
  other.answer = () => Response.json({ hello: "world" });
  const away = unusedPort();
  const clock = new FakeClock();
  const url = (port: number) => `http://127.0.0.1:${port}/`;
  using peers = peersOf(0, {
    clock,
    peers: [{ name: "lb2", url: url(good.port) }, { name: "x", url: url(other.port) }, {
      name: "lb3",
      url: url(away),
    }],
  });
  const { ask } = makeWorld({ peers });
  const list = async () => (await (await ask("/v1/peers")).json()).peers;
  const [lb2, x, lb3] = await list();
  assert.deepEqual(lb2, { name: "lb2", url: url(good.port), reachable: true, detail: "" });
  assert.equal(x.reachable, false);
  assert.match(x.detail, /no maglevd/);
  assert.equal(lb3.reachable, false);
  assert.match(lb3.detail, /cannot be reached/);
  await list();
  assert.equal(good.asked.length, 1, "what is known holds for 5 s");
  await clock.advance(5_000);
  await list();
  assert.equal(good.asked.length, 2);
});

Deno.test("a peer's certificate is checked, by the authority of --peer-ca-file where there is one", {
  ignore: !await hasOpenssl(),
}, async () => {
  const pem = await makePem("ec:P-256");
  await using peer = new Peer(pem);
  const address = [{ name: "lb2", url: `https://127.0.0.1:${peer.port}/` }];
  using stranger = peersOf(0, { peers: address });
  assert.match(await refusal(stranger.read("lb2", "v1/backends", never)), /cannot be reached/);
  using trusting = peersOf(0, { peers: address, ca: pem.cert });
  assert.equal((await trusting.read("lb2", "v1/backends", never)).status, 200);
  // A reload may bring the authority.
  stranger.useAuthority(pem.cert);
  assert.equal((await stranger.read("lb2", "v1/backends", never)).status, 200);
});

Deno.test("--peer: a name and an address, and nothing secret in it", () => {
  const url = (text: string) => {
    const parsed = parsePeerAddress(text);
    return parsed.ok ? `${parsed.value.name} ${parsed.value.url}` : parsed.error;
  };
  assert.equal(url("lb2=https://lb2.example.net:9090"), "lb2 https://lb2.example.net:9090/");
  assert.equal(url("lb2=http://[::1]:9090/maglev"), "lb2 http://[::1]:9090/maglev/");
  for (const wrong of ["lb2", "=http://x", "a b=http://x", "lb2=ftp://x", "lb2=file:///etc", "lb2=x"]) {
    assert.match(url(wrong), /name|address/, wrong);
  }
  assert.match(url("lb2=http://u:p@x"), /without a password/);
  assert.match(url("lb2=http://x?token=y"), /without a query/);
});

Deno.test("--peer-token-file: a row a peer; nothing secret over plain http", () => {
  const peers = [{ name: "lb2", url: "https://lb2/" }, { name: "lb3", url: "http://lb3/" }, {
    name: "lb4",
    url: "http://127.0.0.1:1/",
  }];
  const read = (...rows: string[]) => {
    const parsed = parsePeerTokens(
      `tokens:\n${rows.map((row) => `  - ${row}\n`).join("")}`,
      "peers.yaml",
      peers,
    );
    return parsed.ok ? [...parsed.value] : parsed.error.map(formatFinding);
  };
  assert.deepEqual(read("{ name: lb2, token: abc }", "{ name: lb4, token: def }"), [["lb2", "abc"], [
    "lb4",
    "def",
  ]]);
  for (
    const [row, error] of [
      ["{ name: lb9, token: abc }", /no --peer has the name "lb9"/],
      ["{ name: lb3, token: abc }", /plain http to another host/],
      ['{ name: lb2, token: "a b-secret" }', /is no token/],
      ["{ name: lb2 }", /token/],
    ] as const
  ) {
    const errors = read(row).join("\n");
    assert.match(errors, error);
    assert.doesNotMatch(errors, /secret/);
  }
  assert.match(read("{ name: lb2, token: a }", "{ name: lb2, token: b }").join(""), /two tokens/);
});
