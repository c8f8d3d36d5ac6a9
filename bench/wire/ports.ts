/** The ports of the wire bench, on addresses of its own. pure */

export const HTTP1_PORT = 8_080;
export const HTTP2_PORT = 8_081;
export const OPAQUE_PORT = 9_000;
/** Where the far half of a rival listens for its near half: this, and in `configs/` the next two for the others. */
export const LINK_HTTP1_PORT = 4_143;
