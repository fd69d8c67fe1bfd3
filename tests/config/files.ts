/** A file that writes every key, most of them with another value than the default. */
export const generousFile = `maglev:
  healthchecker:
    transition-history: 7
    netns: probes
  healthchecks:
    ping:
      type: icmp
      interval: 1s
      fast-interval: 200ms
      down-interval: 5s
      timeout: 1500ms
      rise: 1
      fall: 5
      probe-ipv4-src: 192.0.2.200
      probe-ipv6-src: 2001:db8::200
    plain: {type: tcp, port: 25}
    tls:
      type: tcp
      port: 993
      params:
        ssl: true
        server-name: mail.example.net
        insecure-skip-verify: true
        ca-file: /etc/ssl/ca.pem
        cert-file: /etc/ssl/client.pem
        key-file: /etc/ssl/client.key
    web:
      type: http
      port: 80
      params:
        path: /health?deep=1
        host: www.example.net
        method: GET
        response-code: "200,204,300-399"
        response-regexp: "^(ok|up)"
        headers: {X-Probe: maglevd, Authorization: Bearer abc, X-Api-Key: secret}
    secure:
      type: https
      port: 443
      interval: 1.5s
      params:
        method: HEAD
        response-code: 200
        server-name: www.example.net
        insecure-skip-verify: false
        ca-file: /etc/ssl/ca.pem
        cert-file: /etc/ssl/client.pem
        key-file: /etc/ssl/client.key
  backends:
    b1: {address: 192.0.2.10, healthcheck: web, enabled: false}
    b2: {address: 192.0.2.11, healthcheck: secure}
    b3: {address: 192.0.2.12, healthcheck: ping}
    b4: {address: 2001:db8::10, healthcheck: tls, enabled: true}
    b5: {address: 2001:db8::11, healthcheck: plain}
    b.6: {address: 2001:db8::12}
  frontends:
    www:
      description: The site
      address: 198.51.100.1
      protocol: tcp
      port: 80
      pools:
        - name: primary
          backends:
            b1: {weight: 50}
            b2:
        - name: fallback
          backends:
            b3: {weight: 1}
      src-ip-sticky: true
      flush-on-down: false
      new-flows-table-length: 4096
    all:
      address: 2001:db8:ffff::1
      pools:
        - name: "1"
          backends: {b4: {}, b5: {weight: 0}, b.6: }
      new-flows-table-length: auto
  vpp:
    lb:
      sync-interval: 1m30s
      ipv4-src-address: 192.0.2.1
      ipv6-src-address: 2001:db8::1
      sticky-buckets-per-core: 1024
      flow-timeout: 60s
      startup-min-delay: 0s
      startup-max-delay: 100us
      foreign-vips: keep
  fleet:
    name: site
    endpoints: [https://192.0.2.10:2379, "http://[::1]:2379", http://etcd.example.net]
    ca-file: /etc/ssl/ca.pem
    cert-file: /etc/ssl/client.pem
    key-file: /etc/ssl/client.key
    username: maglev
    password-file: /etc/vpp-maglev/etcd-password
    node: lb1
    insecure: true
`;

/** A file as large installations have it: each frontend has ten backends in two pools. */
export function largeFile(backends: number): string {
  const lines = [
    "maglev:",
    "  healthchecks:",
    "    web:",
    "      type: http",
    "      port: 80",
    "  backends:",
  ];
  for (let i = 0; i < backends; i++) {
    lines.push(`    backend-${i}:`, `      address: 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    lines.push("      healthcheck: web", "      enabled: true");
  }
  lines.push("  frontends:");
  for (let f = 0; f * 10 < backends; f++) {
    lines.push(`    frontend-${f}:`, `      address: 2001:db8::${(f + 1).toString(16)}`);
    lines.push("      protocol: tcp", "      port: 443", "      pools:");
    for (let member = 0; member < 10; member++) {
      if (member % 5 === 0) lines.push(`        - name: pool-${member / 5}`, "          backends:");
      lines.push(`            backend-${f * 10 + member}:`, "              weight: 100");
    }
  }
  lines.push(
    "  vpp:",
    "    lb:",
    "      ipv4-src-address: 192.0.2.1",
    "      ipv6-src-address: 2001:db8:ffff::1",
  );
  return `${lines.join("\n")}\n`;
}
