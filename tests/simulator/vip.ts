/** One VIP with a server, as messages name them. */
import { ip } from "../../src/net/ip.ts";

/** What tells the VIP apart. */
export const vip = { pfx: "198.51.100.1/32", protocol: 6, port: 80 };

/** Adds the VIP. */
export const addVip = {
  ...vip,
  encap: 0,
  dscp: 0,
  type: 0,
  target_port: 0,
  node_port: 0,
  new_flows_table_length: 1024,
  src_ip_sticky: false,
  is_del: false,
};

/** Adds a server of the VIP. */
export const server = (address: string, weight = 100) => ({
  ...vip,
  as_address: ip(address),
  weight,
  is_del: false,
  is_flush: false,
});
